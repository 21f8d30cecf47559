//! Rolls statistics up from the journal, beside everything else.

use std::time::Duration;

use postrider_store::{Store, StoreResult};

use super::monotonic;

/// How often the journal is looked at.
const POLL: Duration = Duration::from_secs(1);
/// Between two looks while there is more than one takes.
const BUSY: Duration = Duration::from_millis(20);
/// A look takes one part in so many of the time at most: others write too.
const SHARE: u32 = 8;
/// How often the journal is trimmed, in looks.
const TRIM: u32 = 30;

/// Keeps the roll-ups up with the journal.
pub(crate) struct Roller {
    pub(crate) store: Store,
}

impl Roller {
    /// Runs until it is dropped. Nothing is lost then: what is not rolled up yet will be.
    pub(crate) async fn run(self) {
        let mut looks: u32 = 0;
        loop {
            let began = monotonic();
            let more = match self.look(looks.is_multiple_of(TRIM)).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot roll statistics up"
                    );
                    false
                }
            };
            looks = looks.wrapping_add(1);
            let rest = if more { BUSY } else { POLL };
            tokio::time::sleep(rest.max(began.elapsed() * SHARE)).await;
        }
    }

    /// Says whether there is more to be rolled up at once.
    async fn look(&self, trims: bool) -> StoreResult<bool> {
        postrider_store::fail_point!("delivery::roll-up::before");
        let more = self.store.roll_up().await?;
        postrider_store::fail_point!("delivery::roll-up::after");
        if trims {
            while self.store.trim_journal().await? {
                tokio::time::sleep(BUSY).await;
            }
        }
        Ok(more)
    }
}
