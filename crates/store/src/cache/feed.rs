//! Other nodes' changes, brought into this process.

use std::collections::HashSet;
use std::time::Duration;

use postrider_domain::Timestamp;

use crate::engine::Store;
use crate::engine::error::StoreResult;

/// How far back each look reaches: a transaction that began earlier can commit later.
const OVERLAP: Duration = Duration::from_mins(1);

/// Which changes have been brought.
#[derive(Debug)]
pub struct Changes {
    seen: HashSet<i64>,
    reached: Timestamp,
    losses: u64,
}

impl Changes {
    /// None yet: what is changed from now on is news.
    pub fn from_now(store: &Store) -> Self {
        Self {
            seen: HashSet::new(),
            reached: store.clock().now(),
            losses: store.losses(),
        }
    }
}

impl Store {
    /// Passes on what other nodes have changed since the last look. After one that fails the
    /// next reaches as far back as needed.
    pub async fn bring_changes(&self, brought: &mut Changes) -> StoreResult<()> {
        if self.losses() != brought.losses {
            brought.losses = self.losses();
            // The same numbers may stand for other changes now.
            brought.seen.clear();
        }
        let now = self.clock.now();
        let changes = self.changes(brought.reached.minus(OVERLAP)).await?;
        let current = changes.iter().map(|change| change.seq).collect();
        for change in changes {
            if !brought.seen.contains(&change.seq) {
                self.news.pass_on(change);
            }
        }
        brought.seen = current;
        brought.reached = now;
        Ok(())
    }
}
