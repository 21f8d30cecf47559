//! Unfolds messages that are for more endpoints than one transaction should write.

use std::time::Duration;

use postrider_store::{Expansion, NewDelivery, Start, StoreError, StoreResult};
use tokio::sync::Notify;

use super::{Next, Service};
use crate::node::Node;

/// How often expansions are looked for, whatever it has heard.
const ROUND: Duration = Duration::from_secs(5);
/// Endpoints that one transaction unfolds.
const CHUNK: usize = 500;

/// Unfolds expansions, a chunk at each step. One that fails is put aside, so that the others
/// go on.
pub(crate) struct FanOut;

impl Service for FanOut {
    const NAME: &'static str = "fan_out";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let Some(expansion) = node.store.next_expansion().await? else {
            return Ok(Next::Within(ROUND));
        };
        if let Err(error) = unfold(node, &expansion).await {
            let id = expansion.message_id;
            node.store.put_expansion_aside(id, &error).await?;
        }
        Ok(Next::Now)
    }

    fn hint(node: &Node) -> Option<&Notify> {
        Some(node.store.expansion_hint())
    }
}

async fn unfold(node: &Node, expansion: &Expansion) -> StoreResult<()> {
    let app = match node
        .cache
        .app_at_least(expansion.app_id, expansion.app_version)
        .await
    {
        Ok(app) => app,
        Err(StoreError::NotFound(_)) => return node.store.unfold(expansion, &[], None).await,
        Err(error) => return Err(error),
    };
    let rest: Vec<_> = app
        .endpoints
        .iter()
        .filter(|endpoint| expansion.cursor.is_none_or(|cursor| endpoint.id > cursor))
        .take(CHUNK + 1)
        .collect();
    let last = (rest.len() > CHUNK).then(|| rest[CHUNK - 1].id);
    let chunk: Vec<NewDelivery> = rest
        .iter()
        .take(CHUNK)
        .filter(|endpoint| wants(endpoint, expansion))
        .map(|endpoint| NewDelivery {
            endpoint_id: endpoint.id,
            start: if endpoint.settings.disabled {
                Start::Skipped
            } else {
                Start::Due
            },
        })
        .collect();
    node.store.unfold(expansion, &chunk, last).await
}

fn wants(endpoint: &postrider_store::EndpointConfig, expansion: &Expansion) -> bool {
    endpoint
        .filter
        .wants(&expansion.event_type, &expansion.channels)
}
