//! One measured load, and its repetition when others used the machine meanwhile.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::board::Run;
use super::clock;
use super::cpu::{Meter, Spent};
use super::stats::Latency;

/// Per cent of the machine that others may use before a run counts as disturbed.
pub(super) const DISTURBED: f64 = 15.0;
/// How often a run is made when all are disturbed.
const TRIES: u32 = 3;
/// Without any receipt for so long, the rest is lost. Longer than the first retry's delay.
const PATIENCE: Duration = Duration::from_secs(20);
/// The last outcomes are written after the last receipt: their cost belongs to the run.
const AFTERWARDS: Duration = Duration::from_millis(300);

/// What one load showed.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub(super) struct Measured {
    pub(super) messages: u64,
    /// From the first publish to the last receipt.
    pub(super) seconds: f64,
    pub(super) per_second: f64,
    pub(super) latency: Latency,
    pub(super) cpu: Spent,
    pub(super) faults: usize,
    pub(super) disturbed: bool,
}

impl Measured {
    /// CPU-seconds of server and database per 1,000 messages.
    pub(super) fn cpu_per_thousand(&self) -> f64 {
        (self.cpu.server + self.cpu.database) * 1000.0 / (self.messages.max(1) as f64)
    }

    /// CPU-seconds of publishers and sink per 1,000 messages.
    pub(super) fn driver_per_thousand(&self) -> f64 {
        self.cpu.load * 1000.0 / (self.messages.max(1) as f64)
    }

    /// CPU of the server as a multiple of the load's own.
    pub(super) fn times_load(&self) -> f64 {
        (self.cpu.server + self.cpu.database) / self.cpu.load.max(0.001)
    }

    fn line(&self, name: &str) -> String {
        format!(
            "{name}: {:.0}/s in {:.2} s, p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms; CPU-s driver {:.2} \
             ({:.4} per 1,000), server {:.2}, database {:.2}; others {:.0} %{}{}",
            self.per_second,
            self.seconds,
            self.latency.p50,
            self.latency.p99,
            self.latency.max,
            self.cpu.load,
            self.driver_per_thousand(),
            self.cpu.server,
            self.cpu.database,
            self.cpu.others_percent,
            if self.disturbed { ", DISTURBED" } else { "" },
            if self.faults > 0 { ", FAULTY" } else { "" },
        )
    }
}

/// Measures `load`, which publishes all of `run`, until the last receipt.
pub(super) async fn measure(
    meter: &Meter,
    run: &Arc<Run>,
    load: impl Future<Output = io::Result<()>>,
) -> io::Result<Measured> {
    let start = meter.read()?;
    load.await?;
    receive_all(run).await;
    sleep(AFTERWARDS).await;
    let cpu = meter.since(&start)?;
    let seconds = clock::seconds(run.elapsed());
    Ok(Measured {
        messages: run.size(),
        seconds,
        per_second: run.received() as f64 / seconds.max(1e-9),
        latency: Latency::of(run.latencies()),
        cpu,
        faults: run.faults().len(),
        disturbed: cpu.others_percent > DISTURBED,
    })
}

/// Returns when every message has arrived, or none has for a long time.
pub(super) async fn receive_all(run: &Run) {
    let mut seen = run.received();
    while timeout(PATIENCE, run.complete()).await.is_err() {
        let now = run.received();
        if now == seen {
            return;
        }
        seen = now;
    }
}

/// Measures again while others disturb, and gives the least disturbed run. What is faulty is
/// not measured again: it must not hide.
pub(super) async fn undisturbed(
    name: &str,
    mut attempt: impl AsyncFnMut(&str) -> io::Result<Measured>,
) -> io::Result<Measured> {
    let mut best: Option<Measured> = None;
    for _ in 0..TRIES {
        let measured = attempt(name).await?;
        eprintln!("{}", measured.line(name));
        let before = best.map_or(f64::INFINITY, |best| best.cpu.others_percent);
        if measured.cpu.others_percent < before {
            best = Some(measured);
        }
        if !measured.disturbed || measured.faults > 0 {
            return Ok(measured);
        }
    }
    best.ok_or_else(|| io::Error::other("nothing was measured"))
}
