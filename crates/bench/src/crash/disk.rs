//! The disk is really full, again and again, whatever the server is at: SQLite's, that of
//! PostgreSQL's tables, and that of its log, which brings PostgreSQL down. Everything goes on by
//! itself within seconds of there being room.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use postrider_testkit::{Engine, PostgresServer, SmallDisk, TestDatabase};
use tokio::time::sleep;

use super::Context;
use super::going::Going;
use super::process::Process;
use super::record::Record;
use super::tally::draw;
use super::world::World;
use crate::bench::clock::now;

/// For all that is stored in the rounds, beside what is there from the start.
const MIB_AT_FIRST: u64 = 256;
const MIB_PER_ROUND: u64 = 40;
/// PostgreSQL's log: several times what it is told to keep.
const LOG_MIB: u32 = 256;
/// The log is carried over often, keeps nothing for standbys, and each part of it is made anew,
/// so that it meets a full disk within one of them (4 MiB).
const CLUSTER: &[&str] = &[
    "fsync=on",
    "wal_keep_size=0",
    "wal_recycle=off",
    "min_wal_size=8MB",
    "max_wal_size=64MB",
];
/// How long all is well before each time, and how long the disk is full at least, and how much
/// longer at most, in milliseconds.
const WELL: u64 = 1_500;
const FULL: (u64, u64) = (1_000, 4_000);
/// The most that is left, in KiB: what fits in there goes through, and what does not meets the
/// end.
const LEFT: u64 = 256;
/// How long somebody may take to meet it.
const MET: Duration = Duration::from_secs(30);
const SETTLING: Duration = Duration::from_mins(3);

/// What is made to happen while the disk is full, beside publishes, outcomes, claims and
/// roll-ups, which always do.
#[derive(Clone, Copy, Debug)]
enum Busy {
    Usual,
    /// A breaker opens, and gives back what waits.
    Release,
    /// A wide fan-out is unfolded.
    FanOut,
    /// A background task goes on.
    Replay,
    /// The application is changed.
    Change,
}

const KINDS: [Busy; 5] = [
    Busy::Release,
    Busy::FanOut,
    Busy::Replay,
    Busy::Change,
    Busy::Usual,
];

/// What the database is on.
#[derive(Debug)]
enum Ground {
    File(Box<SmallDisk>),
    Cluster(Box<PostgresServer>),
}

impl Ground {
    async fn new(engine: Engine, rounds: u64) -> Self {
        let mib = u32::try_from(MIB_AT_FIRST + rounds * MIB_PER_ROUND).unwrap_or(u32::MAX);
        match engine {
            Engine::Sqlite => Self::File(Box::new(SmallDisk::new(mib).await)),
            Engine::Postgres => {
                let server = PostgresServer::on_small_disks(mib, LOG_MIB, CLUSTER).await;
                Self::Cluster(Box::new(server))
            }
        }
    }

    async fn world(&self, context: &Context) -> io::Result<(World, Process)> {
        let settings = [("POSTRIDER_MIN_FREE_DISK_MIB", "0")];
        match self {
            Self::File(disk) => World::on_disk(disk, context, &settings).await,
            Self::Cluster(server) => World::on(TestDatabase::on(server), context, &[]).await,
        }
    }

    /// The disk that is filled in a round, and what is on it.
    fn disk(&self, round: u64) -> (&SmallDisk, &'static str) {
        match self {
            Self::File(disk) => (disk, "file"),
            // Each kind meets each of them.
            Self::Cluster(server) if (round / KINDS.len() as u64).is_multiple_of(2) => {
                (&server.disks().data, "tables")
            }
            Self::Cluster(server) => (&server.disks().log, "log"),
        }
    }

    /// How often the database has said so far that its disk was full.
    fn met(&self, world: &World) -> io::Result<usize> {
        match self {
            Self::File(_) => {
                let log = std::fs::read_to_string(world.launch.log())?;
                Ok(log.matches("disk is full").count())
            }
            // A table may have got part of what it wanted, which has words of its own.
            Self::Cluster(server) => {
                Ok(server.wrote("could not extend file") + server.wrote("No space left on device"))
            }
        }
    }

    /// Starts again what the full disk brought down, and waits until it has recovered.
    async fn stands(&self) {
        if let Self::Cluster(server) = self {
            server.start().await;
        }
    }
}

pub(super) async fn run(context: &Context, engine: Engine) -> io::Result<Record> {
    let ground = Ground::new(engine, context.rounds).await;
    let (mut world, server) = ground.world(context).await?;
    world.widen(server.address).await?;
    let ledger = world.publish();
    let (mut going, mut met, mut faults) = (Going::default(), BTreeMap::new(), Vec::new());
    for round in 0..context.rounds {
        let kind = KINDS[(round % KINDS.len() as u64) as usize];
        let what = format!("{kind:?} on {}", ground.disk(round).1);
        sleep(Duration::from_millis(WELL)).await;
        let is_met = one(context, &ground, &world, &server, kind, round).await?;
        let (times, of) = met.entry(what.clone()).or_insert((0, 0));
        *of += 1;
        if is_met {
            *times += 1;
        } else {
            faults.push(format!("round {round}, {what}: nobody met the full disk"));
        }
        going
            .on_again(&world, &format!("round {round}, {what}"))
            .await;
        eprintln!(
            "{engine:?} round {} of {}, {what}: {} acknowledged, {} delivered, again within {:.2} s at most",
            round + 1,
            context.rounds,
            world.books.count(),
            world.tally.delivered(),
            going.longest()
        );
    }
    ledger.close().await?;
    world.settle(SETTLING).await;
    let (mut record, _) = world.close(context, "disk", context.rounds);
    going.tell(&mut record);
    record.faults.extend(faults);
    record.figure("met by", in_words(&met));
    if let Ground::Cluster(cluster) = &ground {
        record.figure("database down", cluster.wrote("PANIC:").to_string());
    }
    record.figure("refused or unanswered", world.books.refused().to_string());
    record.must_not_be_twice();
    record.must_stop(server.stop().await?);
    Ok(record)
}

/// Fills the disk, has something happen, and makes room again: whether the database met the end
/// of its disk.
async fn one(
    context: &Context,
    ground: &Ground,
    world: &World,
    server: &Process,
    kind: Busy,
    round: u64,
) -> io::Result<bool> {
    let before = ground.met(world)?;
    let (disk, _) = ground.disk(round);
    world.tally.set_down(matches!(kind, Busy::Release));
    let left = draw(&(context.seed, "left", round)) % LEFT;
    disk.fill(left as usize).await;
    match kind {
        Busy::Usual | Busy::Release => {}
        Busy::FanOut => world.fan_out(),
        Busy::Replay => world.replay(server.address),
        Busy::Change => world.rename(server.address),
    }
    let full = FULL.0 + draw(&(context.seed, "full", round)) % FULL.1;
    sleep(Duration::from_millis(full)).await;
    let begun = now();
    let mut is_met = ground.met(world)? > before;
    while !is_met && begun.elapsed() < MET {
        sleep(Duration::from_millis(100)).await;
        is_met = ground.met(world)? > before;
    }
    world.tally.set_down(false);
    disk.free().await;
    ground.stands().await;
    Ok(is_met)
}

fn in_words(met: &BTreeMap<String, (u64, u64)>) -> String {
    let each = met
        .iter()
        .map(|(what, (times, of))| format!("{what} {times} of {of}"));
    each.collect::<Vec<_>>().join(", ")
}
