//! Looking after a long history costs what happens, and not how much has happened: the same
//! traffic over a short and over a long history reads as many rows.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use postrider_testkit::{Engine, PostgresServer, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::process::Process;
use super::reads::{Reads, reads};
use super::record::Record;
use super::world::World;

/// The short history has so many times less.
const LESS: u64 = 100;
/// Traffic of each, a start and a round of the janitor before it; for the first part of it an
/// endpoint is down, so that deliveries are given back and claimed again.
const TRAFFIC: Duration = Duration::from_mins(2);
const DOWN: Duration = Duration::from_secs(40);
const SETTLING: Duration = Duration::from_mins(2);
/// What the long history may cost, of what the short one does.
const MOST: f64 = 1.2;
/// Tables with a smaller share of all reads are none to speak of.
const SHARE: f64 = 0.01;

pub(super) async fn run(context: &Context, engine: Engine) -> io::Result<Record> {
    let few = (context.rounds / LESS).max(1);
    let (short, before) = over(context, engine, few).await?;
    let (long, after) = over(context, engine, context.rounds).await?;
    let mut record = short.and(long);
    record.rounds = context.rounds;
    let what = match engine {
        Engine::Sqlite => "steps of SQLite",
        Engine::Postgres => "rows read",
    };
    let ratio = total(&after) / total(&before).max(1e-9);
    record.figure(
        &format!("{what} for a message, {few} and {} rows", context.rounds),
        format!("{:.1} and {:.1}", total(&before), total(&after)),
    );
    record.figure("ratio", format!("{ratio:.3}"));
    let grown = grown(&before, &after);
    if ratio > MOST {
        let text = format!("{what} for a message: {ratio:.2} times as many{grown}");
        record.faults.push(text);
    } else if !grown.is_empty() {
        eprintln!("more than before{grown}");
    }
    Ok(record)
}

/// Runs a server over so many rows of history, and gives what was read for each message.
async fn over(
    context: &Context,
    engine: Engine,
    rows: u64,
) -> io::Result<(Record, BTreeMap<String, f64>)> {
    let cluster = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => {
            let settings = ["fsync=off", "max_wal_size=8GB", "wal_keep_size=0"];
            Some(PostgresServer::start_with(&settings).await)
        }
    };
    let database = match &cluster {
        Some(cluster) => TestDatabase::on(cluster),
        None => TestDatabase::new(engine).await,
    };
    let (world, first) = World::on(database, context, &[]).await?;
    let stopped = first.stop().await?;
    super::past::write(&world.database, rows).await?;
    let (each, stopped_again) = match engine {
        Engine::Sqlite => {
            let server = world.launch.serve().await?;
            traffic(&world, &server).await?;
            let after = super::reads::steps(server.address).await?;
            (
                each(&Reads::new(), &after, world.books.count()),
                server.stop().await?,
            )
        }
        Engine::Postgres => {
            let before = reads(&world.database).await?;
            let server = world.launch.serve().await?;
            traffic(&world, &server).await?;
            // It knows all that a connection has read when that has ended.
            let stopped = server.stop().await?;
            let after = reads(&world.database).await?;
            (each(&before, &after, world.books.count()), stopped)
        }
    };
    let (mut record, _) = world.close(context, "history", rows);
    record.must_not_be_twice();
    record.must_stop(stopped && stopped_again);
    eprintln!(
        "{engine:?}, {rows} rows: {} acknowledged, for each{}",
        record.acknowledged,
        in_words(&each)
    );
    Ok((record, each))
}

async fn traffic(world: &World, server: &Process) -> io::Result<()> {
    world.books.doors.open(&[server.address]);
    let ledger = world.publish();
    world.tally.set_down(true);
    sleep(DOWN).await;
    world.tally.set_down(false);
    sleep(TRAFFIC.saturating_sub(DOWN)).await;
    ledger.close().await?;
    world.settle(SETTLING).await;
    Ok(())
}

/// What was read from one reading to the other, for each message.
fn each(before: &Reads, after: &Reads, messages: u64) -> BTreeMap<String, f64> {
    let one = |(name, count): (&String, &i64)| {
        let read = count - before.get(name).copied().unwrap_or(0);
        (name.clone(), read as f64 / messages.max(1) as f64)
    };
    after.iter().map(one).collect()
}

fn total(each: &BTreeMap<String, f64>) -> f64 {
    each.values().sum()
}

fn in_words(each: &BTreeMap<String, f64>) -> String {
    let mut text = String::new();
    for (name, read) in each {
        if *read > SHARE * total(each) {
            let _ = write!(text, ", {name} {read:.2}");
        }
    }
    text
}

/// The tables of which much more is read over the long history.
fn grown(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> String {
    let mut text = String::new();
    for (name, read) in after {
        let then = before.get(name).copied().unwrap_or(0.0);
        if *read > then * MOST && read - then > SHARE * total(after) {
            let _ = write!(text, ", {name} {then:.2} to {read:.2}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[(&str, f64)]) -> BTreeMap<String, f64> {
        rows.iter()
            .map(|(name, read)| ((*name).to_owned(), *read))
            .collect()
    }

    #[test]
    fn what_was_read_before_is_not_counted_and_a_table_that_costs_more_is_named() {
        let reads = |message, delivery| {
            Reads::from([
                ("message".to_owned(), message),
                ("delivery".to_owned(), delivery),
            ])
        };
        let each = each(&reads(100, 0), &reads(300, 50), 10);
        assert_eq!(each, table(&[("delivery", 5.0), ("message", 20.0)]));
        let more = table(&[("delivery", 5.0), ("message", 30.0)]);
        assert_eq!(grown(&each, &more), ", message 20.00 to 30.00");
        assert_eq!(grown(&each, &each), "");
    }
}
