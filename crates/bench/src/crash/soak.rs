//! An hour of steady traffic: what grows, grows here.

use std::io;
use std::time::Duration;

use postrider_testkit::{Engine, PostgresServer, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::record::Record;
use super::world::World;
use crate::bench::cpu;

const MINUTE: Duration = Duration::from_mins(1);
const SETTLING: Duration = Duration::from_mins(2);
/// Growth of memory over the second half that is none.
const FLAT_MIB_PER_MINUTE: f64 = 0.5;
/// By how much the peak of dead rows, as a part of the live ones, may differ from one quarter
/// of the run to the next: vacuum comes when they are a fifth of a table.
const FLAT_DEAD: f64 = 0.1;

/// The server at the end of a minute.
#[derive(Clone, Copy, Debug)]
struct Reading {
    rss_mib: f64,
    descriptors: usize,
    dead_rows: i64,
    live_rows: i64,
}

impl Reading {
    fn dead_part(&self) -> f64 {
        self.dead_rows as f64 / self.live_rows.max(1) as f64
    }
}

pub(super) async fn run(context: &Context, engine: Engine) -> io::Result<Record> {
    // Its own, so that its vacuum runs as it does by default, and for nobody else.
    let postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(PostgresServer::start_new().await),
    };
    let database = match &postgres {
        Some(postgres) => TestDatabase::on(postgres),
        None => TestDatabase::new(engine).await,
    };
    let (world, server) = World::on(database, context, &[]).await?;
    let ledger = world.publish();
    let mut readings = Vec::new();
    for minute in 1..=context.rounds {
        sleep(MINUTE).await;
        let reading = read(&world, server.pid(), engine).await?;
        eprintln!(
            "{engine:?} minute {minute}: {} acknowledged, {} delivered, {:.1} MiB, {} descriptors, {} dead rows",
            world.books.count(),
            world.tally.delivered(),
            reading.rss_mib,
            reading.descriptors,
            reading.dead_rows
        );
        readings.push(reading);
    }
    ledger.close().await?;
    world.settle(SETTLING).await;
    let (mut record, _) = world.close(context, "soak", context.rounds);
    record.must_not_be_twice();
    record.must_stop(server.stop().await?);
    let second_half = readings.split_at(readings.len() / 2).1;
    let memory: Vec<f64> = second_half.iter().map(|one| one.rss_mib).collect();
    let growth = slope(&memory);
    if growth > FLAT_MIB_PER_MINUTE {
        record
            .faults
            .push(format!("memory grows by {growth:.2} MiB a minute"));
    }
    if let (Some(first), Some(last)) = (second_half.first(), second_half.last()) {
        record.figure(
            "RSS MiB",
            format!("{:.0}, {growth:+.2} a minute", last.rss_mib),
        );
        if last.descriptors > first.descriptors * 5 / 4 + 20 {
            record.faults.push("descriptors grow".to_owned());
        }
        let both = |one: usize, other: usize| format!("{one} at half, {other} at the end");
        record.figure("descriptors", both(first.descriptors, last.descriptors));
    }
    if engine == Engine::Postgres {
        dead_rows(&mut record, second_half);
    }
    Ok(record)
}

async fn read(world: &World, pid: u32, engine: Engine) -> io::Result<Reading> {
    let rows = async |column: &str| match engine {
        Engine::Sqlite => 0,
        Engine::Postgres => {
            let sql = format!("select coalesce(sum({column}), 0) from pg_stat_user_tables");
            world.database.number(&sql).await
        }
    };
    Ok(Reading {
        rss_mib: cpu::memory(pid)?.0,
        descriptors: std::fs::read_dir(format!("/proc/{pid}/fd"))?.count(),
        dead_rows: rows("n_dead_tup").await,
        live_rows: rows("n_live_tup").await,
    })
}

/// What vacuum leaves, at its peak in either quarter of the second half.
fn dead_rows(record: &mut Record, second_half: &[Reading]) {
    let (third, last) = second_half.split_at(second_half.len() / 2);
    let peak = |quarter: &[Reading]| {
        let parts = quarter.iter().map(Reading::dead_part);
        parts.fold(0.0, f64::max)
    };
    let (before, after) = (peak(third), peak(last));
    record.figure(
        "dead rows at most, of the live",
        format!(
            "{:.0} % in the third quarter, {:.0} % in the last",
            before * 100.0,
            after * 100.0
        ),
    );
    if !third.is_empty() && after > before + FLAT_DEAD {
        record.faults.push("dead rows grow".to_owned());
    }
}

/// How much the values grow from one to the next, by least squares.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let middle = (count - 1.0) / 2.0;
    let mean = values.iter().sum::<f64>() / count;
    let (mut over, mut under) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate() {
        let from_middle = at as f64 - middle;
        over += from_middle * (value - mean);
        under += from_middle * from_middle;
    }
    over / under
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slope_is_the_growth_of_a_step_whatever_the_noise_around_it() {
        assert!((slope(&[1.0, 3.0, 5.0]) - 2.0).abs() < 1e-9);
        assert!((slope(&[2.0, 1.0, 2.0, 1.0, 2.0])).abs() < 1e-9);
        assert!(slope(&[7.0]).abs() < 1e-9);
    }
}
