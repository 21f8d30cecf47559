//! Other nodes' changes, brought into this process within half a second.

use std::collections::HashSet;
use std::time::Duration;

use crate::engine::Store;
use crate::engine::error::StoreResult;

/// How often other nodes' changes are looked for.
const POLL: Duration = Duration::from_millis(250);
/// How far back each look reaches: a transaction that began earlier can commit later.
const OVERLAP: Duration = Duration::from_mins(1);

impl Store {
    /// Passes other nodes' changes on until it is dropped. Errors are logged and the
    /// next look reaches as far back as needed.
    pub async fn run_feed(&self) {
        let mut seen = HashSet::new();
        let mut reached = self.clock.now();
        let mut losses = self.losses();
        loop {
            tokio::time::sleep(POLL).await;
            if self.losses() != losses {
                losses = self.losses();
                // The same numbers may stand for other changes now.
                seen.clear();
            }
            let now = self.clock.now();
            match self.bring_changes(reached.minus(OVERLAP), &mut seen).await {
                Ok(()) => reached = now,
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot read changes"
                ),
            }
        }
    }

    async fn bring_changes(
        &self,
        since: postrider_domain::Timestamp,
        seen: &mut HashSet<i64>,
    ) -> StoreResult<()> {
        let changes = self.changes(since).await?;
        let current: HashSet<i64> = changes.iter().map(|change| change.seq).collect();
        for change in changes
            .into_iter()
            .filter(|change| !seen.contains(&change.seq))
        {
            self.news.pass_on(change);
        }
        *seen = current;
        Ok(())
    }
}
