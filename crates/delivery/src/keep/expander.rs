//! Unfolds messages that are for more endpoints than one transaction should write.

use std::time::Duration;

use postrider_store::{ConfigCache, Expansion, NewDelivery, Start, Store, StoreError, StoreResult};

/// How often expansions are looked for, whatever it has heard.
const ROUND: Duration = Duration::from_secs(5);
/// How long it rests when it could not.
const REST: Duration = Duration::from_secs(1);
/// Endpoints that one transaction unfolds.
const CHUNK: usize = 500;

/// Unfolds expansions.
pub(crate) struct Expander {
    pub(crate) store: Store,
    pub(crate) cache: ConfigCache,
}

impl Expander {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => tokio::select! {
                    () = self.store.expansion_hint().notified() => {}
                    () = tokio::time::sleep(ROUND) => {}
                },
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot unfold a message"
                    );
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Unfolds one chunk; `false` if there was nothing to unfold. One that fails is put
    /// aside, so that the others go on.
    async fn step(&self) -> StoreResult<bool> {
        let Some(expansion) = self.store.next_expansion().await? else {
            return Ok(false);
        };
        if let Err(error) = self.unfold(&expansion).await {
            let id = expansion.message_id;
            self.store.put_expansion_aside(id, &error).await?;
        }
        Ok(true)
    }

    async fn unfold(&self, expansion: &Expansion) -> StoreResult<()> {
        let app = match self
            .cache
            .app_at_least(expansion.app_id, expansion.app_version)
            .await
        {
            Ok(app) => app,
            Err(StoreError::NotFound(_)) => return self.store.unfold(expansion, &[], None).await,
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
                start: if endpoint.disabled {
                    Start::Skipped
                } else {
                    Start::Due
                },
            })
            .collect();
        self.store.unfold(expansion, &chunk, last).await
    }
}

fn wants(endpoint: &postrider_store::EndpointConfig, expansion: &Expansion) -> bool {
    endpoint
        .filter
        .wants(&expansion.event_type, &expansion.channels)
}
