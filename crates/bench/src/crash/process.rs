//! The server under attack: a real process that may die at any moment, also while it starts.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::bench::api::Api;

const LISTENING: &str = "listening on http://";
/// For a start, a recovery included.
const PATIENCE: Duration = Duration::from_mins(2);
/// A second apart: no delivery may end because an endpoint was down for a while.
const RETRIES: usize = 90;
pub(super) const MAIN_SECRET: &str = "for-crashes-alone-0123456789abcdefghijklmnopqrstuvwxyz";

/// What servers are made of that share a database.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) binary: PathBuf,
    /// Where it runs and logs to.
    pub(super) folder: PathBuf,
    pub(super) database_url: String,
    /// Variables beyond those of every server here.
    pub(super) settings: Vec<(String, String)>,
    /// A program that it runs under, with arguments: `faketime`, say.
    pub(super) under: Vec<String>,
}

/// A running server.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) address: SocketAddr,
    child: Child,
}

impl Launch {
    /// A command of the binary on the database.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.under.iter().map(PathBuf::from);
        let mut command = match words.next() {
            Some(first) => {
                let mut command = Command::new(first);
                command.args(words).arg(&self.binary);
                command
            }
            None => Command::new(&self.binary),
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("POSTRIDER_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env_remove("FAILPOINTS")
            .env("POSTRIDER_DATABASE_URL", &self.database_url)
            .env("POSTRIDER_LISTEN", "127.0.0.1:0")
            .env("POSTRIDER_ALLOW_SUBNETS", "127.0.0.0/8")
            .env("POSTRIDER_MAIN_SECRET", MAIN_SECRET)
            .env("POSTRIDER_LOG", "warn")
            .env("POSTRIDER_REQUEST_TIMEOUT", "5")
            .env("POSTRIDER_NODE_LEASE", "10")
            .env("POSTRIDER_RETRY_SCHEDULE", ["1"; RETRIES].join(","))
            .envs(self.settings.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Makes a key and gives it.
    pub(super) async fn key(&self) -> io::Result<String> {
        let output = self
            .command(&["key", "create", "--org", "crash"])
            .output()
            .await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("key create: {text}")))
    }

    /// Starts a server that must come up.
    pub(super) async fn serve(&self) -> io::Result<Process> {
        self.start(None).await?.ok_or_else(|| {
            let log = self.log();
            io::Error::other(format!(
                "the server ended at its start: see {}",
                log.display()
            ))
        })
    }

    /// Starts a server, with fail points armed, and waits until it is healthy; none if it ends
    /// before.
    pub(super) async fn start(&self, fail_points: Option<&str>) -> io::Result<Option<Process>> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut child = self
            .command(&["serve"])
            .envs(fail_points.map(|points| ("FAILPOINTS", points)))
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let stdout = child.stdout.take();
        let stdout = stdout.ok_or_else(|| io::Error::other("no standard output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let address = async {
            while let Some(line) = lines.next_line().await? {
                if let Some((_, rest)) = line.split_once(LISTENING) {
                    return rest.trim().parse().map(Some).map_err(io::Error::other);
                }
            }
            Ok::<Option<SocketAddr>, io::Error>(None)
        };
        let Some(address) = timeout(PATIENCE, address).await?? else {
            child.wait().await?;
            return Ok(None);
        };
        // A full pipe would stop the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let mut process = Process { address, child };
        let healthy = process.becomes_healthy(PATIENCE).await?;
        Ok(healthy.then_some(process))
    }

    /// What it has written to standard error, over all of its lives.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }
}

impl Process {
    pub(super) fn pid(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits until health is 200; false if the process ends first.
    ///
    /// # Errors
    /// Neither happens in time.
    pub(super) async fn becomes_healthy(&mut self, limit: Duration) -> io::Result<bool> {
        let asked = async {
            loop {
                if self.child.try_wait()?.is_some() {
                    return Ok(false);
                }
                if healthy(self.address).await {
                    return Ok(true);
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(limit, asked)
            .await
            .map_err(|_| io::Error::other(format!("not healthy within {limit:?}")))?
    }

    /// `kill -9`.
    pub(super) async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Sends a signal, such as `STOP`.
    pub(super) async fn signal(&self, name: &str) -> io::Result<()> {
        signal(self.pid(), name).await
    }

    /// Waits until it has ended by itself; false if it has not by then.
    pub(super) async fn ends_within(&mut self, limit: Duration) -> io::Result<bool> {
        match timeout(limit, self.child.wait()).await {
            Ok(ended) => ended.map(|_| true),
            Err(_) => Ok(false),
        }
    }

    /// Asks it to stop, and says whether it did so in good order.
    pub(super) async fn stop(mut self) -> io::Result<bool> {
        self.signal("TERM").await?;
        if let Ok(status) = timeout(PATIENCE, self.child.wait()).await {
            return Ok(status?.success());
        }
        self.child.kill().await?;
        Ok(false)
    }
}

pub(super) async fn signal(pid: u32, name: &str) -> io::Result<()> {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status()
        .await?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("kill -{name} {pid}: {status}")))
}

/// Whether the server at this address says that all is well, within a second.
pub(super) async fn healthy(address: SocketAddr) -> bool {
    let ask = async {
        match Api::open(address, "none").await {
            Ok(mut api) => api.healthy().await,
            Err(_) => false,
        }
    };
    timeout(Duration::from_secs(1), ask).await.unwrap_or(false)
}
