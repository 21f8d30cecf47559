//! How long it takes until the server works again once its surroundings do.

use std::time::Duration;

use tokio::time::sleep;

use super::record::Record;
use super::world::{World, median};
use crate::bench::clock::now;

/// What must go on within this.
const BAR: Duration = Duration::from_secs(5);
/// How long is waited for it.
const PATIENCE: Duration = Duration::from_mins(1);
/// So much more that is acknowledged, and delivered, is going on.
const SOME: u64 = 20;

/// Seconds from the end of each cause to the first publishes and deliveries.
#[derive(Debug, Default)]
pub(super) struct Going {
    publishes: Vec<f64>,
    deliveries: Vec<f64>,
    faults: Vec<String>,
}

impl Going {
    /// Waits until publishes are acknowledged and deliveries made again, from now on.
    pub(super) async fn on_again(&mut self, world: &World, what: &str) {
        let back = now();
        let (acknowledged, delivered) = (world.books.count(), world.tally.delivered());
        let (mut publishes, mut deliveries) = (None, None);
        while (publishes.is_none() || deliveries.is_none()) && back.elapsed() < PATIENCE {
            sleep(Duration::from_millis(5)).await;
            let passed = back.elapsed();
            if publishes.is_none() && world.books.count() >= acknowledged + SOME {
                publishes = Some(passed);
            }
            if deliveries.is_none() && world.tally.delivered() >= delivered + SOME {
                deliveries = Some(passed);
            }
        }
        let publishes = publishes.unwrap_or(PATIENCE);
        let deliveries = deliveries.unwrap_or(PATIENCE);
        for (which, took) in [("publishes", publishes), ("deliveries", deliveries)] {
            if took > BAR {
                let text = format!("{what}: {which} again after {took:.1?}");
                self.faults.push(text);
            }
        }
        self.publishes.push(publishes.as_secs_f64());
        self.deliveries.push(deliveries.as_secs_f64());
    }

    /// The longest time until deliveries were made again.
    pub(super) fn longest(&self) -> f64 {
        most(&self.deliveries)
    }

    /// Adds what was found to a record.
    pub(super) fn tell(self, record: &mut Record) {
        for (name, seconds) in [
            ("publishes", self.publishes),
            ("deliveries", self.deliveries),
        ] {
            let most = most(&seconds);
            let text = format!("{:.2} / {most:.2}", median(seconds));
            record.figure(&format!("{name} again p50 / max s"), text);
        }
        record.faults.extend(self.faults);
    }
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}
