//! By when a publisher hears, whatever hangs.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a publish may take beside the arrival of its body: its publisher hears within 5 s.
const PATIENCE: Duration = Duration::from_millis(4_600);

/// By when a publisher hears. What is there at once costs neither a look at the clock nor a
/// timer that runs: most of what a publish waits for is.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// For a publish of which so much time is used up.
    #[expect(
        clippy::disallowed_methods,
        reason = "patience is counted on the monotonic clock, whatever the time is"
    )]
    pub fn after(used: Duration) -> Self {
        Self(Instant::now() + PATIENCE.saturating_sub(used))
    }

    /// What comes before there is a deadline: `None` if it takes all the time there is, and how
    /// much it has used up.
    #[expect(
        clippy::disallowed_methods,
        reason = "patience is counted on the monotonic clock, whatever the time is"
    )]
    pub async fn measure<T>(mut work: Pin<&mut impl Future<Output = T>>) -> (Option<T>, Duration) {
        if let Poll::Ready(done) = poll!(work.as_mut()) {
            return (Some(done), Duration::ZERO);
        }
        let began = Instant::now();
        let done = timeout(PATIENCE, work).await.ok();
        (done, began.elapsed())
    }

    /// Does something in time, or gives `None`; what is there by then counts, also afterwards.
    pub async fn keep<T>(self, work: impl Future<Output = T>) -> Option<T> {
        // In its place: what is moved into a timeout is copied.
        timeout_at(self.0, pin!(work)).await.ok()
    }
}

impl Default for Deadline {
    /// All the time there is.
    fn default() -> Self {
        Self::after(Duration::ZERO)
    }
}
