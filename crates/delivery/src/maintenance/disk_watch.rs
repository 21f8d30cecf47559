//! The watch on the disk: a database that cannot write loses more than the messages that
//! are refused before it is full.

use std::path::PathBuf;
use std::time::Duration;

use postrider_store::StoreResult;

use super::{Next, Service};
use crate::node::Node;
use crate::settings::DiskWatch;

/// How often the disk is looked at.
const PERIOD: Duration = Duration::from_secs(1);

/// Looks at the disk and tells publishers.
pub(crate) struct DiskWatcher {
    watch: DiskWatch,
    was_low: bool,
}

impl DiskWatcher {
    pub(crate) fn new(watch: DiskWatch) -> Self {
        Self {
            watch,
            was_low: false,
        }
    }
}

impl Service for DiskWatcher {
    const NAME: &'static str = "disk_watch";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let paths = self.watch.paths.clone();
        // A disk that does not answer holds up one thread, and nobody else.
        let free = tokio::task::spawn_blocking(move || least_free(&paths)).await;
        if let Ok(Some(free)) = free {
            let low = free < self.watch.min_free;
            node.board.set_disk_low(low);
            metrics::gauge!("postrider_disk_free_bytes").set(free as f64);
            if low != self.was_low {
                report(low, free, self.watch.min_free);
            }
            self.was_low = low;
        }
        Ok(Next::Within(PERIOD))
    }
}

fn report(low: bool, free: u64, min_free: u64) {
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
