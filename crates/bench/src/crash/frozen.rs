//! Commits that wait for a synchronous standby which is away, for longer than anything in
//! memory remembers them; then it comes back, and their keys are repeated.

use std::io;
use std::time::Duration;

use postrider_testkit::{PostgresServer, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::record::Record;
use super::world::{World, median};
use crate::bench::clock::now;

/// How long a commit is frozen.
const FROZEN: Duration = Duration::from_secs(100);
/// Messages that are published once while it is, and repeated afterwards; and as many whose
/// publisher never comes again.
const ONCE: usize = 5;
/// What was acknowledged arrives within this.
const SOON: f64 = 10.0;
const PATIENCE: Duration = Duration::from_mins(2);
/// What nobody repeats arrives within this of the standby's return.
const BACK: f64 = 60.0;

pub(super) async fn run(context: &Context) -> io::Result<Record> {
    let primary = PostgresServer::start_new().await;
    let standby = primary.standby("one").await;
    primary.wait_for(Some("one")).await;
    let (world, server) = World::on(TestDatabase::on(&primary), context, &[]).await?;
    let (mut faults, mut took, mut back) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..context.rounds {
        let ledger = world.publish();
        sleep(Duration::from_secs(2)).await;
        ledger.close().await?;
        standby.fall_behind().await;
        let frozen = now();
        let mut unanswered = Vec::new();
        for place in 0..2 * ONCE {
            let (step, acknowledged) = world.try_once().await;
            if acknowledged {
                faults.push(format!("round {round}: acknowledged, and on one disk only"));
            }
            if place % 2 == 0 {
                unanswered.push(step);
            }
        }
        sleep(FROZEN.saturating_sub(frozen.elapsed())).await;
        standby.catch_up();
        for step in unanswered {
            let id = world.books.repeat(step).await;
            let arrived = match id {
                Some(id) => world.arrives(id, PATIENCE).await,
                None => None,
            };
            let seconds = arrived.unwrap_or(f64::INFINITY);
            if seconds > SOON {
                faults.push(format!("round {round}: {seconds:.1} s after the 202"));
            }
            took.push(seconds);
        }
        let all = world.owes_nothing(PATIENCE).await.unwrap_or(f64::INFINITY);
        if all > BACK {
            faults.push(format!(
                "round {round}: something stays owed for {all:.0} s"
            ));
        }
        back.push(all);
        eprintln!(
            "round {} of {}: all within {all:.1} s",
            round + 1,
            context.rounds
        );
    }
    world.settle(PATIENCE).await;
    let (mut record, _) = world.close(context, "frozen", context.rounds);
    record.faults.append(&mut faults);
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let text = format!("{:.2} / {:.2}", median(took.clone()), most(&took));
    record.figure("after the 202 p50 / max s", text);
    record.figure("all that is stored, max s", format!("{:.1}", most(&back)));
    record.must_not_be_twice();
    record.must_stop(server.stop().await?);
    Ok(record)
}
