//! PostgreSQL's programs on this machine, and the account that may run them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::cluster;
use super::unprivileged::Account;

/// Where the programs lie, and as whom they run.
#[derive(Clone, Debug)]
pub(super) struct Programs {
    bin: PathBuf,
    account: Account,
    /// The words that they are run under; none where they run like any other.
    under: Vec<String>,
}

impl Programs {
    /// The newest that are installed, else those from npm. `probe` is any file of ours.
    pub(super) fn find(probe: &Path) -> io::Result<Self> {
        let account = Account::pick(probe)?;
        let bin = match installed() {
            Some(bin) => bin,
            None => cluster::programs(account).map_err(io::Error::other)?,
        };
        Ok(Self {
            bin,
            account,
            under: Vec::new(),
        })
    }

    /// The same, to be run under other words.
    pub(super) fn under(&self, words: Vec<String>) -> Self {
        Self {
            under: words,
            ..self.clone()
        }
    }

    /// One of them, to be run as the account.
    pub(super) fn command(&self, name: &str) -> Command {
        self.program(&self.bin.join(name))
    }

    fn program(&self, program: &Path) -> Command {
        let mut words = self.under.iter();
        match words.next() {
            Some(first) => {
                let mut command = self.account.command(Path::new(first));
                command.args(words).arg(program);
                command
            }
            None => self.account.command(program),
        }
    }

    pub(super) fn account(&self) -> Account {
        self.account
    }

    /// Hands a folder over to the account.
    pub(super) fn own(&self, folder: &Path) -> io::Result<()> {
        self.account.own(folder)
    }

    /// Any program, to be run as the account.
    pub(super) fn other(&self, program: &str) -> Command {
        self.program(Path::new(program))
    }

    /// Tells these programs from others.
    pub(super) fn name(&self) -> String {
        self.bin.display().to_string()
    }
}

/// The folder of the newest version that a package has put in its usual place.
fn installed() -> Option<PathBuf> {
    let debian = versions(Path::new("/usr/lib/postgresql"), "");
    let red_hat = versions(Path::new("/usr"), "pgsql-");
    let newest = debian
        .into_iter()
        .chain(red_hat)
        .max_by_key(|found| found.0);
    newest.map(|(_, bin)| bin)
}

/// The versions below `folder`, in folders whose names are `prefix` and a number.
fn versions(folder: &Path, prefix: &str) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").is_file().then_some((version, bin))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_versions_with_programs_in_them_are_found() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["pgsql-9", "pgsql-16", "pgsql-17", "other"] {
            fs::create_dir_all(folder.path().join(name).join("bin")).unwrap();
        }
        for name in ["pgsql-9", "pgsql-16"] {
            fs::write(folder.path().join(name).join("bin/initdb"), "").unwrap();
        }
        let mut found = versions(folder.path(), "pgsql-");
        found.sort();
        let found: Vec<u32> = found.into_iter().map(|(version, _)| version).collect();
        assert_eq!(found, [9, 16]);
    }
}
