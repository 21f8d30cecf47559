//! Giving deliveries back to the database, unsent.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{EndpointId, Timestamp};
use postrider_store::{Job, Purpose, Store, StoreResult};
use tokio::sync::{mpsc, oneshot};

use super::Lanes;

/// How long a release waits to be tried again after the database refused it.
const PAUSE: Duration = Duration::from_millis(500);

/// Something that the database has to hear of a lane.
#[derive(Debug)]
pub(crate) enum Release {
    /// These jobs go back, due then, and the lane rests until another time.
    Back {
        endpoint_id: EndpointId,
        jobs: Vec<Job>,
        due: Timestamp,
        /// Whether a due time that a delivery has is moved to `due`.
        postpone: bool,
        parked_until: Timestamp,
    },
    /// The receiver is back: the lane rests no longer.
    Unpark(EndpointId),
    /// Tells when everything before has been written.
    Flush(oneshot::Sender<()>),
}

/// Writes releases, one after the other.
pub(crate) struct Releaser {
    pub(crate) store: Store,
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) releases: mpsc::UnboundedReceiver<Release>,
}

impl Releaser {
    /// Runs until every sender is gone. What cannot be written is tried again: the
    /// rows stay this node's until then.
    pub(crate) async fn run(mut self) {
        while let Some(release) = self.releases.recv().await {
            if let Release::Flush(done) = release {
                // Whoever asked may have stopped waiting.
                let _ = done.send(());
                continue;
            }
            while let Err(error) = self.write(&release).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "cannot release deliveries yet"
                );
                tokio::time::sleep(PAUSE).await;
            }
            self.let_go(&release);
        }
    }

    async fn write(&self, release: &Release) -> StoreResult<()> {
        match release {
            Release::Flush(_) => {}
            Release::Unpark(endpoint) => self.store.unpark(*endpoint).await?,
            Release::Back {
                endpoint_id,
                jobs,
                due,
                postpone,
                parked_until,
            } => {
                let (mut scheduled, mut manual) = (Vec::new(), Vec::new());
                for job in jobs {
                    match job.purpose {
                        Purpose::Scheduled { token, .. } => {
                            scheduled.push((job.message_id, job.owner, token));
                        }
                        Purpose::Manual { resend } => manual.push((resend, job.owner)),
                    }
                }
                postrider_store::fail_point!("delivery::release::before");
                self.store.release_resends(&manual).await?;
                self.store
                    .release(*endpoint_id, &scheduled, *due, *postpone, *parked_until)
                    .await?;
                postrider_store::fail_point!("delivery::release::after");
            }
        }
        self.store.lane_hint().notify_one();
        Ok(())
    }

    fn let_go(&self, release: &Release) {
        if let Release::Back { jobs, .. } = release {
            for job in jobs {
                self.lanes.held.remove(job.endpoint_id, job.message_id);
            }
        }
    }
}
