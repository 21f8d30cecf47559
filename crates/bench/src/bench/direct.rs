//! The ceiling: the same publishers post the same bodies straight to the sink.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::board::Board;
use super::cpu::Meter;
use super::driver::Target;
use super::engine::full_load;
use super::measure::{Measured, undisturbed};
use super::template::Template;

/// The best of as many counts: whatever disturbs a run can only lower the ceiling.
const RUNS: usize = 5;
/// Messages for each one of a run at full load: so many times faster goes it without a server.
/// All runs then last about as long, and a machine that changes its speed every few seconds
/// changes it for both; the best of short runs would only ever show its fastest moment.
const TIMES: u64 = 6;
/// A run of fewer would be over before the kernel's accounting ticks often enough.
const FEWEST: u64 = 200_000;

pub(super) async fn ceiling(
    board: &Arc<Board>,
    sink: SocketAddr,
    messages: u64,
    publishers: usize,
) -> io::Result<Vec<Measured>> {
    // Names as long as a server's, so that the requests are.
    let template = Template::new(
        &sink.to_string(),
        "app_0123456789abcdefghijklmnopq",
        "prk_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG",
    )?;
    let target = Target {
        address: sink,
        template,
    };
    let meter = Meter::new(None, None);
    let messages = (messages * TIMES).max(FEWEST);
    let mut runs = Vec::new();
    for number in 1..=RUNS {
        let load =
            async |name: &str| full_load(&target, board, &meter, name, messages, publishers).await;
        runs.push(undisturbed(&format!("direct {number}"), load).await?);
    }
    Ok(runs)
}
