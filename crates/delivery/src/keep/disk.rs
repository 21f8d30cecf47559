//! The watch on the disk: a database that cannot write loses more than the messages that
//! are refused before it is full.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::settings::DiskWatch;
use crate::status::StatusBoard;

/// How often the disk is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Looks at the disk and tells publishers.
pub(crate) struct Disk {
    pub(crate) watch: Option<DiskWatch>,
    pub(crate) board: Arc<StatusBoard>,
}

impl Disk {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        let Some(watch) = self.watch else {
            return;
        };
        let mut was_low = false;
        loop {
            let paths = watch.paths.clone();
            // A disk that does not answer holds up one thread, and nobody else.
            let free = tokio::task::spawn_blocking(move || least_free(&paths)).await;
            if let Ok(Some(free)) = free {
                let low = free < watch.min_free;
                self.board.set_disk_low(low);
                metrics::gauge!("postrider_disk_free_bytes").set(free as f64);
                if low != was_low {
                    tell(low, free, watch.min_free);
                }
                was_low = low;
            }
            tokio::time::sleep(PERIOD).await;
        }
    }
}

fn tell(low: bool, free: u64, min_free: u64) {
    let (free, needed) = (free >> 20, min_free >> 20);
    if low {
        tracing::error!(
            free_mib = free,
            needed_mib = needed,
            "the disk is nearly full: no message is taken; make room, or lower POSTRIDER_MIN_FREE_DISK_MIB"
        );
    } else {
        tracing::info!(free_mib = free, "the disk has room again");
    }
}

/// The free bytes of the fullest of these disks, as far as they can be read.
fn least_free(paths: &[PathBuf]) -> Option<u64> {
    paths
        .iter()
        .filter_map(|path| match rustix::fs::statvfs(path) {
            Ok(disk) => Some(disk.f_bavail.saturating_mul(disk.f_frsize)),
            Err(error) => {
                tracing::debug!(%error, path = %path.display(), "cannot read the free space of a disk");
                None
            }
        })
        .min()
}
