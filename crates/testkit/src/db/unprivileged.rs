//! PostgreSQL's programs refuse to run as root: the account they run as instead.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// The account that the cluster belongs to; none when ours will do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Account(Option<(u32, u32)>);

impl Account {
    /// Ours, unless that is root: then `postgres` or `nobody`.
    pub(super) fn pick(probe: &Path) -> io::Result<Self> {
        let ours = fs::metadata(probe)?.uid();
        if ours != 0 {
            return Ok(Self(None));
        }
        let accounts = fs::read_to_string("/etc/passwd")?;
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| ids(&accounts, name))
            .map(|ids| Self(Some(ids)))
            .ok_or_else(|| io::Error::other("neither an account postgres nor nobody"))
    }

    /// A command that runs as this account.
    pub(crate) fn command(self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Self(Some((user, group))) = self {
            command.uid(user).gid(group);
        }
        command
    }

    /// Hands a folder over.
    pub(crate) fn own(self, folder: &Path) -> io::Result<()> {
        match self.0 {
            Some((user, group)) => chown(folder, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// Whether this account may run a program there: a build folder below a closed
    /// home folder is out of its reach.
    pub(super) fn reaches(self, program: &Path) -> bool {
        self.command(program)
            .arg("--version")
            .output()
            .is_ok_and(|output| output.status.success())
    }
}

fn ids(accounts: &str, name: &str) -> Option<(u32, u32)> {
    let line = accounts
        .lines()
        .find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let accounts = "root:x:0:0::/root:/bin/sh\nnobody2:x:9:9::/:\nnobody:x:65534:65533::/:\n";
        assert_eq!(ids(accounts, "nobody"), Some((65534, 65533)));
        assert_eq!(ids(accounts, "postgres"), None);
    }
}
