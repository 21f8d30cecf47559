//! The file systems of a PostgreSQL server that a test can fill.

use std::io;
use std::path::PathBuf;

use super::cluster::output;
use super::programs::Programs;
use super::unprivileged::Account;
use crate::SmallDisk;

/// Where the log is moved to, from the data's folder.
const MOVE: &str = r#"mv "$0/pg_wal" "$1/pg_wal" && ln -s "$1/pg_wal" "$0/pg_wal""#;

/// One for tables, indexes and everything else, and one for the write-ahead log: what finds the
/// first full fails, and goes on; what finds the second full brings the server down.
#[derive(Debug)]
pub struct SmallDisks {
    /// All but the log.
    pub data: SmallDisk,
    /// `pg_wal`.
    pub log: SmallDisk,
}

impl SmallDisks {
    /// Makes them, of so many MiB each.
    pub(super) async fn new(account: Account, data: u32, log: u32) -> io::Result<Self> {
        let data = SmallDisk::of(account, data)
            .await
            .map_err(io::Error::other)?;
        let log = data.beside(log).await.map_err(io::Error::other)?;
        Ok(Self { data, log })
    }

    pub(super) fn data_folder(&self) -> PathBuf {
        self.data.folder().join("data")
    }

    /// The words that PostgreSQL's programs are started under: on the disks, and not as root,
    /// as which they refuse to run and which only who mounted them has to be.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = self.data.words();
        let apart = ["unshare", "--user", "--map-user=1000", "--map-group=1000"];
        words.extend(apart.map(str::to_owned));
        words
    }

    /// Puts the log of data that is there onto its own disk.
    pub(super) fn move_log(&self, programs: &Programs) -> io::Result<()> {
        let mut script = programs.other("sh");
        script.args(["-c", MOVE]).arg(self.data_folder());
        script.arg(self.log.folder()).current_dir("/");
        output(&mut script).map_err(io::Error::other).map(|_| ())
    }
}
