//! PostgreSQL servers of a test's own: a primary and its standbys, which the test may
//! stop, kill, cut apart and promote.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use parking_lot::Mutex;
use postrider_store::entropy;
use tempfile::TempDir;

use super::gateway::Gateway;
use super::programs::Programs;
use super::small_disks::SmallDisks;
use super::{data, postgres};
use crate::eventually;

/// What every one of them is run with; `fsync` apart.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "shared_buffers=32MB",
    "max_connections=100",
    // Standbys begin with the log's beginning, and come back when they like.
    "wal_keep_size=2GB",
    "wal_retrieve_retry_interval=250ms",
    "checkpoint_timeout=1h",
];

/// Ends the server and removes its folder (`$1`) when the test's process is gone, however
/// it ended: the other end of its standard input closes then.
const WATCHDOG: &str = r#"
cat >/dev/null
pid=$(head -n 1 "$1/pid" 2>/dev/null)
if [ -n "$pid" ] && ps -o args= -p "$pid" | grep -qF "$1"; then kill -QUIT "$pid"; sleep 2; fi
rm -rf "$1"
"#;

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// In good order; what is under way is cut off.
    Fast,
    /// At once, as by `pg_ctl stop -m immediate`: the next start recovers from the log.
    Immediate,
    /// By `kill -9` of its first process.
    Kill,
}

/// A running PostgreSQL server with our schema in its database `postrider`, which the
/// role `postrider` owns. Dropping it ends it and removes its data.
#[derive(Debug)]
pub struct PostgresServer {
    programs: Programs,
    port: u16,
    settings: Vec<String>,
    process: Mutex<Option<Child>>,
    /// A standby's way to its primary.
    upstream: Option<Gateway>,
    folder: TempDir,
    /// Where the data is, if not in the folder.
    disks: Option<SmallDisks>,
    watchdog: Child,
}

impl PostgresServer {
    /// Starts one that does not wait for the disk.
    pub async fn start_new() -> Self {
        Self::start_with(&["fsync=off"]).await
    }

    /// Starts one with settings of the test's, such as `fsync=on`.
    pub async fn start_with(settings: &[&str]) -> Self {
        let server = Self::on_copied_data(settings).await;
        server.start().await;
        server
    }

    /// Starts a standby of this server, which follows it by streaming over a way that the
    /// test can cut. It is called `name` in `synchronous_standby_names`.
    pub async fn standby(&self, name: &str) -> Self {
        let upstream = Gateway::to(format!("127.0.0.1:{}", self.port));
        let address = upstream.address();
        let primary = format!(
            "primary_conninfo=host={} port={} user=postgres application_name={name}",
            address.ip(),
            address.port()
        );
        let mut settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        settings.push(&primary);
        let mut standby = Self::on_copied_data(&settings).await;
        standby.upstream = Some(upstream);
        fs::write(standby.data().join("standby.signal"), "").expect("its folder can be written");
        standby.start().await;
        standby.caught_up_with(self).await;
        standby
    }

    async fn on_copied_data(settings: &[&str]) -> Self {
        let made = async {
            let folder = folder(&std::env::temp_dir())?;
            let programs = Programs::find(folder.path())?;
            programs.own(folder.path())?;
            data::copy(&programs, &folder.path().join("data")).await?;
            Self::new(programs, folder, settings)
        };
        made.await
            .unwrap_or_else(|error| panic!("no PostgreSQL server of the test's own: {error}"))
    }

    /// Starts one whose data, and whose log, are each on a small disk of so many MiB, with
    /// settings of the test's.
    pub async fn on_small_disks(data: u32, log: u32, settings: &[&str]) -> Self {
        let made = async {
            let folder = folder(&std::env::temp_dir())?;
            let programs = Programs::find(folder.path())?;
            programs.own(folder.path())?;
            let disks = SmallDisks::new(programs.account(), data, log).await?;
            let programs = programs.under(disks.words());
            data::copy(&programs, &disks.data_folder()).await?;
            disks.move_log(&programs)?;
            let mut server = Self::new(programs, folder, settings)?;
            server.disks = Some(disks);
            Ok::<_, io::Error>(server)
        };
        let server = made
            .await
            .unwrap_or_else(|error| panic!("no PostgreSQL server on small disks: {error}"));
        server.start().await;
        server
    }

    /// Of one that is [`Self::on_small_disks`]: these.
    pub fn disks(&self) -> &SmallDisks {
        self.disks.as_ref().expect("made by on_small_disks()")
    }

    /// One on new data in a folder below `parent`.
    pub(super) fn on_new_data(programs: Programs, parent: &Path) -> io::Result<Self> {
        let folder = folder(parent)?;
        programs.own(folder.path())?;
        data::init(&programs, &folder.path().join("data"))?;
        Self::new(programs, folder, &["fsync=off"])
    }

    fn new(programs: Programs, folder: TempDir, settings: &[&str]) -> io::Result<Self> {
        let watchdog = watch(folder.path())?;
        Ok(Self {
            programs,
            port: free_port()?,
            settings: settings.iter().map(|one| (*one).to_owned()).collect(),
            process: Mutex::default(),
            upstream: None,
            folder,
            disks: None,
            watchdog,
        })
    }

    /// Where its data is.
    pub fn data(&self) -> PathBuf {
        match &self.disks {
            Some(disks) => disks.data_folder(),
            None => self.folder.path().join("data"),
        }
    }

    /// `HOST:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// What `POSTRIDER_DATABASE_URL` takes.
    pub fn url(&self) -> String {
        format!("postgres://postrider@{}/postrider", self.address())
    }

    /// The same database for the superuser, whom no limit of connections stops.
    pub(super) fn admin_url(&self) -> String {
        self.admin_url_of("postrider")
    }

    fn admin_url_of(&self, database: &str) -> String {
        format!("postgres://postgres@{}/{database}", self.address())
    }

    /// Runs one statement as the superuser and gives the rows it touched.
    pub async fn execute(&self, sql: &str) -> u64 {
        self.execute_in("postrider", sql).await
    }

    pub(super) async fn execute_in(&self, database: &str, sql: &str) -> u64 {
        postgres::execute(&self.admin_url_of(database), sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Reads one number as the superuser.
    pub async fn number(&self, sql: &str) -> i64 {
        postgres::number(&self.admin_url(), sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Starts it, also again, and waits until it takes connections.
    pub async fn start(&self) {
        eventually("the PostgreSQL server to start", async || {
            // What was killed a moment ago may still hold the data's memory.
            if !self.runs() {
                *self.process.lock() = Some(self.spawn());
            }
            postgres::number(&self.admin_url_of("postgres"), "select 1")
                .await
                .map_err(|error| (error.to_string(), self.log()))
        })
        .await;
    }

    /// Ends it and waits until it has ended.
    pub async fn stop(&self, how: Stop) {
        self.signal(match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
            Stop::Kill => "KILL",
        });
        eventually("the PostgreSQL server to end", async || {
            if self.runs() { Err(self.log()) } else { Ok(()) }
        })
        .await;
        self.process.lock().take();
    }

    /// Of a standby: makes it a primary, with what it has.
    pub async fn promote(&self) {
        let promote = "select case when pg_promote(true, 40) then 1 else 0 end";
        assert_eq!(self.number(promote).await, 1, "{}", self.log());
    }

    /// Of a standby: cuts it off from its primary.
    pub async fn fall_behind(&self) {
        self.upstream().cut().await;
    }

    /// Of a standby: lets it follow its primary again.
    pub fn catch_up(&self) {
        self.upstream().restore();
    }

    /// Of a standby: waits until it shows all that the primary has shown so far.
    pub async fn caught_up_with(&self, primary: &Self) {
        let lsn = |of: &str| format!("({of}() - '0/0'::pg_lsn)");
        let there = primary.number(&lsn("pg_current_wal_lsn")).await;
        eventually("the standby to catch up", async || {
            match self.number(&lsn("pg_last_wal_replay_lsn")).await {
                here if here >= there => Ok(()),
                here => Err((here, there)),
            }
        })
        .await;
    }

    /// Has each commit wait for the disk of the standby of this name; with none, for
    /// nobody's.
    pub async fn wait_for(&self, standby: Option<&str>) {
        let name = standby.unwrap_or_default();
        let set = format!("alter system set synchronous_standby_names = '{name}'");
        self.execute(&set).await;
        self.execute("select pg_reload_conf()").await;
        let now = format!(
            "select count(*) from pg_settings \
             where name = 'synchronous_standby_names' and setting = '{name}'"
        );
        eventually("the setting to be read", async || {
            match self.number(&now).await {
                1 => Ok(()),
                found => Err(found),
            }
        })
        .await;
    }

    /// Ends every connection of the role `postrider`, and gives their number.
    pub async fn terminate(&self) -> i64 {
        self.number(
            "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity \
             where usename = 'postrider') ended",
        )
        .await
    }

    /// How many connections the role `postrider` may have from now on; -1 for any number.
    pub async fn limit_connections(&self, limit: i32) {
        let alter = format!("alter role postrider connection limit {limit}");
        self.execute(&alter).await;
    }

    /// The last lines of what it has written.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    /// How many lines of what it has written contain this.
    pub fn wrote(&self, text: &str) -> usize {
        let all = fs::read_to_string(self.log_file()).unwrap_or_default();
        all.lines().filter(|line| line.contains(text)).count()
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn upstream(&self) -> &Gateway {
        self.upstream.as_ref().expect("made by standby()")
    }

    fn runs(&self) -> bool {
        let mut process = self.process.lock();
        process
            .as_mut()
            .is_some_and(|process| matches!(process.try_wait(), Ok(None)))
    }

    fn spawn(&self) -> Child {
        use std::os::unix::process::CommandExt;
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_file());
        let log = log.expect("its folder can be written");
        let mut command = self.programs.command("postgres");
        command.arg("-D").arg(self.data());
        command.args(["-p", &self.port.to_string()]);
        // Where the watchdog finds it wherever the data is.
        let pid = self.folder.path().join("pid");
        command.args(["-c", &format!("external_pid_file={}", pid.display())]);
        for setting in SETTINGS
            .iter()
            .copied()
            .chain(self.settings.iter().map(String::as_str))
        {
            command.args(["-c", setting]);
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .current_dir("/")
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"))
    }

    fn signal(&self, name: &str) {
        if let Some(process) = &*self.process.lock() {
            let id = process.id().to_string();
            let _ = Command::new("kill")
                .arg(format!("-{name}"))
                .arg(id)
                .status();
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- PostgreSQL wrote:\n{}\n---", self.log());
        }
        self.signal("QUIT");
        if let Some(mut process) = self.process.lock().take() {
            let _ = process.wait();
        }
        // It removes the folder, and what is left of the processes has lost its parent.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
    }
}

fn folder(parent: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new()
        .prefix("postrider-test-server-")
        .tempdir_in(parent)
}

fn watch(folder: &Path) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;
    Command::new("/bin/sh")
        .args(["-c", WATCHDOG, "watchdog"])
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .current_dir("/")
        .process_group(0)
        .spawn()
}

/// A port below those that the system gives to connections: it must be free again after
/// the server was stopped.
fn free_port() -> io::Result<u16> {
    for _ in 0..100 {
        let port = 18_000 + u16::from_le_bytes(entropy()) % 14_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::Error::other("no port is free below 32000"))
}
