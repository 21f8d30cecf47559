//! A standby that lags takes over while the node lives on: what the new primary owes is
//! delivered, again if need be, and what was acknowledged and replicated is not lost.

use std::io;
use std::time::Duration;

use postrider_testkit::{PostgresServer, Stop, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::record::Record;
use super::world::{World, median};

/// How long is published before the standby falls behind.
const PUBLISHING: Duration = Duration::from_secs(2);
/// How long is published while the receiver answers nothing, less than a request may take:
/// the standby has these deliveries as the node's own, and no outcome of them.
const HELD: Duration = Duration::from_millis(800);
/// How long it lags: outcomes of that time are lost with the primary.
const LAG: Duration = Duration::from_millis(500);
/// What is owed is delivered within this of the promotion.
const BAR: f64 = 60.0;
const PATIENCE: Duration = Duration::from_mins(3);

pub(super) async fn run(context: &Context) -> io::Result<Record> {
    let mut sum: Option<Record> = None;
    let mut took = Vec::new();
    for round in 0..context.rounds {
        let (record, seconds) = once(context, round).await?;
        eprintln!(
            "round {} of {}: {} acknowledged, {} lost, nothing owed after {seconds:.1} s",
            round + 1,
            context.rounds,
            record.acknowledged,
            record.lost
        );
        took.push(seconds);
        sum = Some(match sum {
            None => record,
            Some(before) => before.and(record),
        });
    }
    let mut record = sum.unwrap_or_default();
    record.rounds = context.rounds;
    let most = took.iter().copied().fold(0.0, f64::max);
    record.figure(
        "nothing owed p50 / max s",
        format!("{:.1} / {most:.1}", median(took)),
    );
    Ok(record)
}

async fn once(context: &Context, round: u64) -> io::Result<(Record, f64)> {
    let primary = PostgresServer::start_new().await;
    let standby = primary.standby("one").await;
    let database = TestDatabase::on(&primary);
    let (world, server) = World::on(database, context, &[]).await?;
    let ledger = world.publish();
    sleep(PUBLISHING).await;
    world.tally.hold(true);
    sleep(HELD).await;
    ledger.close().await?;
    // Acknowledged, and on both disks: none of it may be lost. Its outcomes may.
    standby.caught_up_with(&primary).await;
    standby.fall_behind().await;
    world.tally.hold(false);
    sleep(LAG).await;
    primary.stop(Stop::Kill).await;
    standby.promote().await;
    world.database.move_to(&standby);
    let ledger = world.publish();
    sleep(PUBLISHING).await;
    ledger.close().await?;
    world.settle(PATIENCE).await;
    let seconds = world.owes_nothing(PATIENCE).await.unwrap_or(f64::INFINITY);
    let (mut record, _) = world.close(context, "promotion", 1);
    if seconds > BAR {
        record
            .faults
            .push(format!("round {round}: owed for {seconds:.0} s"));
    }
    record.must_stop(server.stop().await?);
    Ok((record, seconds))
}
