//! Three nodes on one PostgreSQL, of which one is stopped and resumed, or killed, in each
//! round; the clock of another is ten minutes ahead all the time.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use postrider_testkit::{Engine, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::process::{Launch, Process};
use super::record::Record;
use super::tally::draw;
use super::world::World;

/// How long all is well between two blows.
const WELL: Duration = Duration::from_secs(3);
/// Stops that no lease notices, and such as outlast it, in milliseconds.
const SHORT: u64 = 6_000;
const LONG: u64 = 14_000;
const SETTLING: Duration = Duration::from_mins(3);
/// Which of the nodes is ahead of its time; it is never killed.
const AHEAD: usize = 2;

#[derive(Clone, Copy, Debug)]
enum Blow {
    ShortStop,
    LongStop,
    Kill,
}

const BLOWS: [Blow; 3] = [Blow::LongStop, Blow::Kill, Blow::ShortStop];

pub(super) async fn run(context: &Context) -> io::Result<Record> {
    let database = TestDatabase::new(Engine::Postgres).await;
    let (world, first) = World::on(database, context, &[]).await?;
    let ahead = ahead(&world.launch)?;
    let mut nodes = vec![first, world.launch.serve().await?, ahead.serve().await?];
    open(&world, &nodes);
    let ledger = world.publish();
    let mut kills = 0;
    for round in 0..context.rounds {
        sleep(WELL).await;
        let blow = BLOWS[(round % BLOWS.len() as u64) as usize];
        let victim = (draw(&(context.seed, "victim", round)) % AHEAD as u64) as usize;
        let extra = draw(&(context.seed, "stop", round)) % SHORT;
        match blow {
            Blow::ShortStop => stop(&nodes[victim], extra).await?,
            Blow::LongStop => stop(&nodes[victim], LONG + extra).await?,
            Blow::Kill => {
                kills += 1;
                nodes.remove(victim).kill().await?;
                open(&world, &nodes);
                sleep(Duration::from_millis(extra)).await;
                nodes.insert(victim, world.launch.serve().await?);
                open(&world, &nodes);
            }
        }
        for node in &mut nodes {
            if !node.becomes_healthy(Duration::from_mins(1)).await? {
                return Err(io::Error::other(format!("round {round}: a node has ended")));
            }
        }
        eprintln!(
            "round {} of {}, {blow:?}: {} acknowledged, {} delivered",
            round + 1,
            context.rounds,
            world.books.count(),
            world.tally.delivered()
        );
    }
    ledger.close().await?;
    let settled = world.settle(SETTLING).await;
    let (mut record, _) = world.close(context, "nodes", context.rounds);
    record.figure("killed", kills.to_string());
    record.figure("settled s", format!("{settled:.0}"));
    record.figure("refused or unanswered", world.books.refused().to_string());
    for node in nodes {
        record.must_stop(node.stop().await?);
    }
    Ok(record)
}

fn open(world: &World, nodes: &[Process]) {
    let addresses: Vec<_> = nodes.iter().map(|node| node.address).collect();
    world.books.doors.open(&addresses);
}

async fn stop(node: &Process, millis: u64) -> io::Result<()> {
    node.signal("STOP").await?;
    sleep(Duration::from_millis(millis)).await;
    node.signal("CONT").await
}

/// The same server with its clock ten minutes ahead.
fn ahead(launch: &Launch) -> io::Result<Launch> {
    let mut ahead = launch.clone();
    for (name, value) in [
        ("LD_PRELOAD", libfaketime()?.display().to_string()),
        ("FAKETIME", "+10m".to_owned()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
    ] {
        ahead.settings.push((name.to_owned(), value));
    }
    Ok(ahead)
}

fn libfaketime() -> io::Result<PathBuf> {
    let below = std::fs::read_dir("/usr/lib")?.filter_map(Result::ok);
    let mut places = below.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let found = places.find(|place| place.is_file());
    found.ok_or_else(|| {
        io::Error::other("libfaketime is not installed (on Debian: apt-get install libfaketime)")
    })
}
