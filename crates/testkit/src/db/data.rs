//! The data of a PostgreSQL server with our schema in it, made once and copied for each
//! server of a test's own: what would take seconds takes a tenth of one.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};

use postrider_store::{Cipher, Clock, ConnectOptions, Store};

use super::cluster::output;
use super::postgres::A_DAY;
use super::programs::Programs;
use super::server::{PostgresServer, Stop};
use super::template::steps;
use crate::lock::FolderLock;

/// Raised when what is done here changes.
const RECIPE: u32 = 1;

/// Copies the data into the new folder `to`. A primary and its standbys begin with the
/// same: the standby follows the primary's log from there.
pub(super) async fn copy(programs: &Programs, to: &Path) -> io::Result<()> {
    let from = ensure(&programs.under(Vec::new())).await?;
    let mut command = programs.other("cp");
    command.arg("-a").arg(&from).arg(to);
    output(&mut command).map_err(io::Error::other).map(|_| ())
}

async fn ensure(programs: &Programs) -> io::Result<PathBuf> {
    let shared = std::env::temp_dir().join("postrider-test-data");
    let name = name(programs);
    let lock = {
        let shared = shared.clone();
        tokio::task::spawn_blocking(move || FolderLock::take(&shared))
    };
    // Others wait until it is complete and has its name.
    let _lock = lock.await.map_err(io::Error::other)??;
    let known = shared.join(&name);
    if !known.is_dir() {
        sweep(&shared)?;
        make(programs, &shared, &known).await?;
    }
    Ok(known)
}

/// The partitions are by day, the schema by the migrations.
fn name(programs: &Programs) -> String {
    let mut hasher = DefaultHasher::new();
    (RECIPE, programs.name(), steps()).hash(&mut hasher);
    let now = crate::clock::unix_seconds();
    format!("{}-{:016x}", now - now % A_DAY, hasher.finish())
}

/// Removes what is of the day before yesterday, or older.
fn sweep(shared: &Path) -> io::Result<()> {
    for entry in fs::read_dir(shared)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let day = name.split('-').next().and_then(|day| day.parse().ok());
        if day.is_some_and(|day: u64| day + 2 * A_DAY < crate::clock::unix_seconds()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

async fn make(programs: &Programs, shared: &Path, known: &Path) -> io::Result<()> {
    // The account must get at what is inside.
    programs.own(shared)?;
    let server = PostgresServer::on_new_data(programs.clone(), shared)?;
    server.start().await;
    server
        .execute_in("postgres", "create role postrider login")
        .await;
    let create = "create database postrider owner postrider template template0";
    server.execute_in("postgres", create).await;
    let options = ConnectOptions {
        url: server.url(),
        connections: 2,
    };
    let cipher = Cipher::new("of the template alone");
    let store = Store::open(&options, cipher, Clock::system())
        .await
        .map_err(io::Error::other)?;
    store.close().await;
    // Each test brings a main secret of its own.
    server
        .execute("delete from meta where name = 'main_secret'")
        .await;
    server.stop(Stop::Fast).await;
    fs::rename(server.data(), known)
}

/// Makes data with nothing in it.
pub(super) fn init(programs: &Programs, data: &Path) -> io::Result<()> {
    let mut initdb = programs.command("initdb");
    initdb.args(["--username=postgres", "--auth=trust", "--encoding=UTF8"]);
    initdb.args(["--locale=C", "--no-sync", "--wal-segsize=4", "-D"]);
    output(initdb.arg(data).current_dir("/"))
        .map_err(io::Error::other)
        .map(|_| ())
}
