//! A file system of a few MiB that a test can really fill.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::TestDatabase;
use crate::db::Account;

/// Mounts the file system and keeps it for as long as its input is open.
const HOLD: &str =
    r#"mount -t tmpfs -o size="$1"m postrider-test "$0" && echo mounted && exec cat"#;

/// Leaves no more than so many KiB: they are taken while the rest is filled. Where there is
/// not even so much room, it is full already.
const FILL: &str = r#"cd "$0" || exit 1
head -c "$1"k /dev/zero >spare 2>/dev/null
cat /dev/zero >ballast 2>/dev/null
rm spare"#;

const REMEDY: &str = "a full disk needs a file system of the test's own, in namespaces of its own. \
    Let this account have them: as root, `sysctl -w user.max_user_namespaces=15000` and, where \
    there are such settings, `sysctl -w kernel.unprivileged_userns_clone=1` and \
    `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; in a container, start it with \
    `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`, or with `--privileged`";

/// A file system of a test's own, in a mount namespace of its own, so that nobody has to be
/// root and nothing is left of it. Servers are started on it by
/// [`ServerBuilder::on_disk`](crate::ServerBuilder::on_disk) and
/// [`PostgresServer::on_small_disks`](crate::PostgresServer::on_small_disks).
#[derive(Debug)]
pub struct SmallDisk {
    account: Account,
    holder: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Makes one of so many MiB. Panics with the remedy where the system does not let us.
    pub async fn new(mib: u32) -> Self {
        Self::of(Account::default(), mib)
            .await
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// One that belongs to an account, which alone can start programs on it.
    pub(crate) async fn of(account: Account, mib: u32) -> Result<Self, String> {
        let words = ["unshare", "--user", "--map-root-user", "--mount"];
        Self::mounted(account, words.map(str::to_owned).to_vec(), mib).await
    }

    /// Another one, which whoever is on this one sees too.
    pub(crate) async fn beside(&self, mib: u32) -> Result<Self, String> {
        Self::mounted(self.account, self.words(), mib).await
    }

    async fn mounted(account: Account, words: Vec<String>, mib: u32) -> Result<Self, String> {
        let folder = folder(account).map_err(|error| format!("no folder: {error}"))?;
        let refused = |said: String| format!("{}: {}; {REMEDY}", words.join(" "), said.trim());
        let mut command = command(account, &words);
        command
            .args(["sh", "-c", HOLD])
            .arg(folder.path())
            .arg(mib.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut holder = command
            .spawn()
            .map_err(|error| refused(error.to_string()))?;
        let mut line = String::new();
        if let Some(said) = holder.stdout.take() {
            // What it says if this fails is read below.
            let _ = BufReader::new(said).read_line(&mut line).await;
        }
        if line.trim() == "mounted" {
            return Ok(Self {
                account,
                holder,
                folder,
            });
        }
        let mut said = String::new();
        if let Some(mut error) = holder.stderr.take() {
            let _ = error.read_to_string(&mut said).await;
        }
        Err(refused(said))
    }

    /// Where it is mounted, for processes that are started on it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A database whose file is on it. Only servers that are started on it see the file.
    pub fn database(&self) -> TestDatabase {
        TestDatabase::elsewhere(&self.folder().join("postrider.db"))
    }

    /// The words that start a program on it.
    pub fn words(&self) -> Vec<String> {
        let words = [
            "nsenter",
            "--user",
            "--mount",
            "--preserve-credentials",
            "--target",
        ];
        let words = words.map(str::to_owned).into_iter();
        let id = self.holder.id().expect("it lives as long as this");
        words.chain([id.to_string()]).collect()
    }

    /// Leaves no room, or no more than so many KiB.
    pub async fn fill(&self, but_kib: usize) {
        self.run(&["sh", "-c", FILL], &but_kib.to_string()).await;
    }

    /// Gives the room back.
    pub async fn free(&self) {
        self.run(&["sh", "-c", r#"rm "$0/$1""#], "ballast").await;
    }

    /// Runs a script of two arguments on it, of which the folder is the first.
    async fn run(&self, script: &[&str], argument: &str) {
        let mut command = command(self.account, &self.words());
        command.args(script).arg(self.folder()).arg(argument);
        let done = command.output().await.expect("a script can be run");
        assert!(done.status.success(), "{command:?}: {done:?}");
    }
}

/// A program under others, run as an account that must not need our folder.
fn command(account: Account, words: &[String]) -> Command {
    let program = PathBuf::from(words.first().map_or("", String::as_str));
    let mut command = account.command(&program);
    command.args(words.iter().skip(1)).current_dir("/");
    command.into()
}

fn folder(account: Account) -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("postrider-test-disk-")
        .tempdir()?;
    account.own(folder.path())?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn holds(disk: &SmallDisk, kib: usize) -> bool {
        let script = r#"head -c "$1"k /dev/zero >"$0/probe" && rm "$0/probe""#;
        let mut command = command(disk.account, &disk.words());
        command.args(["sh", "-c", script]).arg(disk.folder());
        let done = command.arg(kib.to_string()).output().await.unwrap();
        done.status.success()
    }

    #[test]
    fn a_small_disk_has_as_much_room_as_is_left_and_its_neighbour_all_of_it() {
        crate::run(async {
            let disk = SmallDisk::new(8).await;
            let other = disk.beside(8).await.unwrap();
            assert!(holds(&disk, 4_096).await);
            disk.fill(64).await;
            assert!(!holds(&disk, 128).await);
            assert!(holds(&other, 4_096).await);
            disk.free().await;
            assert!(holds(&disk, 4_096).await);
        });
    }

    #[test]
    fn where_nothing_can_be_mounted_the_remedy_is_named() {
        crate::run(async {
            let words = ["sh", "-c", "echo not here >&2; exit 1"].map(str::to_owned);
            let refused = SmallDisk::mounted(Account::default(), words.to_vec(), 8).await;
            let error = refused.unwrap_err();
            assert!(error.contains("not here"), "{error}");
            assert!(error.contains("max_user_namespaces"), "{error}");
        });
    }
}
