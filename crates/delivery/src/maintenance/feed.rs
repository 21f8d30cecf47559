//! What the database has for this process: other nodes' changes, and work that they left.

use std::time::Duration;

use postrider_store::{Changes, PendingWork, StoreResult};

use super::{Next, Service};
use crate::node::Node;

/// How often it is looked for: what other nodes leave comes unannounced.
const POLL: Duration = Duration::from_millis(250);

/// Passes other nodes' changes on.
#[derive(Default)]
pub(crate) struct ChangeFeed {
    seen: Option<Changes>,
}

impl Service for ChangeFeed {
    const NAME: &'static str = "change_feed";
    const REST: Duration = POLL;

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let seen = self
            .seen
            .get_or_insert_with(|| Changes::from_now(&node.store));
        node.store.bring_changes(seen).await?;
        Ok(Next::Within(POLL))
    }
}

/// Wakes whoever works on what is there. They also look by themselves, now and then.
#[derive(Default)]
pub(crate) struct WorkWatch {
    seen: PendingWork,
}

impl Service for WorkWatch {
    const NAME: &'static str = "work_watch";
    const REST: Duration = POLL;

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        node.store.look_for_work(&mut self.seen).await?;
        Ok(Next::Within(POLL))
    }
}
