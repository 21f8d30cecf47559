//! SQLite's log cut off anywhere, as by a power failure on a disk that wrote part of it: what is
//! left opens, is whole, is a prefix of commits, and what it owes is delivered.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_testkit::{Engine, TestDatabase};
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::time::sleep;
use uuid::Uuid;

use super::Context;
use super::process::Launch;
use super::record::Record;
use super::tally::draw;
use super::world::{World, launch};
use crate::bench::clock::now;

/// How long is published before the kill: the log is not carried over in that time.
const PUBLISHING: Duration = Duration::from_millis(2_500);
/// Every so many cuts, garbage follows the cut; every so many, the server runs on what is left.
const GARBAGE: u64 = 4;
const SERVED: u64 = 100;
/// Deliveries of each message.
const EACH: i64 = 5;
const DELIVERING: Duration = Duration::from_mins(1);

/// What was there before the cuts.
struct Whole {
    file: Vec<u8>,
    log: Vec<u8>,
    acknowledged: BTreeSet<Uuid>,
    /// Every message that is stored, in the order of their commits.
    stored: Vec<Uuid>,
}

pub(super) async fn run(context: &Context) -> io::Result<Record> {
    let (world, server) = World::on(TestDatabase::new(Engine::Sqlite).await, context, &[]).await?;
    let ledger = world.publish();
    sleep(PUBLISHING).await;
    server.kill().await?;
    let mut whole = whole(&world)?;
    let mut faults = Vec::new();
    let mut started = 0;
    check_all(&mut whole, &mut faults).await?;
    for cut in 0..context.rounds {
        let length = draw(&(context.seed, "cut", cut)) % (whole.log.len() as u64 + 1);
        let name = format!("cut {cut} at {length}");
        let database = left(&whole, length as usize, cut % GARBAGE == 0).await?;
        for fault in check(&database, &whole.stored).await? {
            faults.push(format!("{name}: {fault}"));
        }
        if cut % SERVED == 0 {
            started += 1;
            let launch = launch(&database, context, &[])?;
            if let Err(error) = serve(&database, &launch, &whole.stored).await {
                faults.push(format!("{name}: {error}"));
            }
        }
        if (cut + 1) % 200 == 0 {
            eprintln!(
                "{} of {} cuts, {} faults",
                cut + 1,
                context.rounds,
                faults.len()
            );
        }
    }
    // The publishers go on at the original.
    let again = world.launch.serve().await?;
    world.books.doors.open(&[again.address]);
    ledger.close().await?;
    world.settle(DELIVERING).await;
    let (mut record, _) = world.close(context, "wal", context.rounds);
    record.must_stop(again.stop().await?);
    record.faults.extend(faults.into_iter().take(50));
    record.figure("log KiB", (whole.log.len() / 1_024).to_string());
    record.figure("in the log", whole.acknowledged.len().to_string());
    record.figure("served", started.to_string());
    Ok(record)
}

fn whole(world: &World) -> io::Result<Whole> {
    let file = file_of(&world.database)?;
    Ok(Whole {
        log: fs::read(log_of(&file))?,
        file: fs::read(file)?,
        acknowledged: world.acknowledged().into_iter().collect(),
        stored: Vec::new(),
    })
}

fn file_of(database: &TestDatabase) -> io::Result<PathBuf> {
    database
        .file()
        .ok_or_else(|| io::Error::other("a SQLite database has a file"))
}

fn log_of(file: &Path) -> PathBuf {
    file.with_extension("db-wal")
}

/// A database of the file and the first `length` bytes of the log.
async fn left(whole: &Whole, length: usize, garbage: bool) -> io::Result<TestDatabase> {
    let database = TestDatabase::empty(Engine::Sqlite).await;
    let file = file_of(&database)?;
    fs::write(&file, &whole.file)?;
    let mut log = whole.log.get(..length).unwrap_or_default().to_vec();
    if garbage {
        log.extend((0..8_192_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8));
    }
    fs::write(log_of(&file), log)?;
    Ok(database)
}

/// The uncut log holds all that was acknowledged before it was read.
async fn check_all(whole: &mut Whole, faults: &mut Vec<String>) -> io::Result<()> {
    let database = left(whole, whole.log.len(), false).await?;
    whole.stored = stored(&database).await?;
    faults.extend(check(&database, &whole.stored).await?);
    for id in &whole.acknowledged {
        if whole.stored.binary_search(id).is_err() {
            faults.push(format!("{id} was acknowledged and is not in the log"));
        }
    }
    Ok(())
}

/// The messages that are stored; none if the schema is not there yet.
async fn stored(database: &TestDatabase) -> io::Result<Vec<Uuid>> {
    let table = "select count(*) from sqlite_master where name = 'message'";
    if database.number(table).await == 0 {
        return Ok(Vec::new());
    }
    let read = async {
        let mut connection = SqliteConnection::connect(database.url()).await?;
        sqlx::query_scalar("select id from message order by id")
            .fetch_all(&mut connection)
            .await
    };
    read.await.map_err(io::Error::other)
}

/// What is wrong with what is left. Commits write whole messages in the order of their ids, so
/// that a prefix of commits has the first of `all`, with every delivery of theirs and no other.
async fn check(database: &TestDatabase, all: &[Uuid]) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    let whole = "select count(*) from pragma_integrity_check where integrity_check = 'ok'";
    if database.number(whole).await != 1 {
        faults.push("the file is damaged".to_owned());
        return Ok(faults);
    }
    let stored = stored(database).await?;
    if stored.is_empty() {
        return Ok(faults);
    }
    if !all.starts_with(&stored) {
        faults.push(format!("{} messages are no prefix", stored.len()));
    }
    let messages = stored.len() as i64;
    let deliveries = database.number("select count(*) from delivery").await;
    if deliveries != messages * EACH {
        faults.push(format!("{messages} messages have {deliveries} deliveries"));
    }
    for (what, sql) in [
        (
            "deliveries without a message",
            "select count(*) from delivery d where not exists (select 1 from message m where m.id = d.message_id)",
        ),
        (
            "attempts without a delivery",
            "select count(*) from attempt a where not exists (select 1 from delivery d \
             where d.endpoint_id = a.endpoint_id and d.message_id = a.message_id)",
        ),
        (
            "messages without a payload",
            "select count(*) from message m where not exists (select 1 from payload p where p.key = m.payload_key)",
        ),
    ] {
        let count = database.number(sql).await;
        if count > 0 {
            faults.push(format!("{count} {what}"));
        }
    }
    Ok(faults)
}

/// Runs the server on what is left until nothing is owed.
async fn serve(database: &TestDatabase, launch: &Launch, stored: &[Uuid]) -> io::Result<()> {
    let server = launch.serve().await?;
    let begun = now();
    let owed = "select count(*) from delivery where state = 0";
    loop {
        let left = database.number(owed).await;
        if left == 0 {
            break;
        }
        if begun.elapsed() > DELIVERING {
            return Err(io::Error::other(format!("{left} deliveries stay owed")));
        }
        sleep(Duration::from_millis(50)).await;
    }
    server.kill().await?;
    let faults = check(database, stored).await?;
    if faults.is_empty() {
        return Ok(());
    }
    Err(io::Error::other(faults.join("; ")))
}
