//! A file system of a few MiB that a test can really fill.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::TestDatabase;

/// Mounts the file system and keeps it for as long as its input is open.
const HOLD: &str =
    r#"mount -t tmpfs -o size="$1"m postrider-test "$0" && echo mounted && exec cat"#;

/// A file system of a test's own, in a mount namespace of its own, so that nobody has to be
/// root and nothing is left of it. Servers are started on it by
/// [`ServerBuilder::on_disk`](crate::ServerBuilder::on_disk).
#[derive(Debug)]
pub struct SmallDisk {
    holder: Child,
    folder: TempDir,
}

impl SmallDisk {
    /// Makes one of so many MiB; none, with a word about it, where the system does not let
    /// us, as in most containers.
    pub async fn new(mib: u32) -> Option<Self> {
        let folder = tempfile::Builder::new()
            .prefix("postrider-test-disk-")
            .tempdir()
            .expect("a temporary folder can be made");
        let started = Command::new("unshare")
            .args(["--user", "--map-root-user", "--mount", "sh", "-c", HOLD])
            .arg(folder.path())
            .arg(mib.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut line = String::new();
        if let Ok(mut holder) = started {
            let said = holder.stdout.take().expect("piped above");
            let read = BufReader::new(said).read_line(&mut line).await;
            if read.is_ok() && line.trim() == "mounted" {
                return Some(Self { holder, folder });
            }
        }
        eprintln!("SKIPPED: no file system can be mounted here (unshare --user --mount)");
        None
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
        words.chain([self.id().to_string()]).collect()
    }

    /// Leaves no room, or no more than so many KiB.
    pub fn fill(&self, but_kib: usize) {
        // Taken while the rest is filled.
        let spare = self.ballast().with_extension("spare");
        fs::write(&spare, vec![1; but_kib << 10]).expect("there is room");
        let mut file = File::create(self.ballast()).expect("a file can be made");
        let mut size = 64 << 10;
        while size > 0 {
            while file.write_all(&vec![1; size]).is_ok() {}
            size /= 2;
        }
        fs::remove_file(spare).expect("the file was made above");
    }

    /// Gives the room back.
    pub fn free(&self) {
        fs::remove_file(self.ballast()).expect("it was full");
    }

    fn id(&self) -> u32 {
        self.holder.id().expect("it lives as long as this")
    }

    /// As seen from outside.
    fn ballast(&self) -> PathBuf {
        let inside = self.folder().strip_prefix("/").expect("an absolute path");
        let root = PathBuf::from(format!("/proc/{}/root", self.id()));
        root.join(inside).join("ballast")
    }
}
