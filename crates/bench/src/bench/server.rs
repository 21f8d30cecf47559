//! The server under load: the release binary, in a process of its own.

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use super::api::Api;

const LISTENING: &str = "listening on http://";
const PATIENCE: Duration = Duration::from_mins(1);
/// Any will do; the same for the server and the commands beside it.
pub(super) const MAIN_SECRET: &str = "for-the-bench-alone-0123456789abcdefghijklmnopqrstuvwxyz";

/// A running server with an API key.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) key: String,
    pub(super) pid: u32,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts `binary` in `folder` on a database, with settings beyond those of a bench, and
    /// waits until it is ready. Its key is of the organisation `org`.
    pub(super) async fn start(
        binary: &Path,
        folder: &Path,
        database: &str,
        (org, settings): (&str, &[(&str, &str)]),
    ) -> io::Result<Self> {
        let log = folder.join("server.log");
        let mut child = command(binary, folder, database)
            .arg("serve")
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .stderr(File::create(&log)?)
            .spawn()?;
        let pid = child.id().unwrap_or_default();
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("no standard output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let address = match timeout(PATIENCE, address(&mut lines)).await {
            Ok(Ok(address)) => address,
            Ok(Err(error)) => return Err(wrong(&error.to_string(), &log)),
            Err(_) => return Err(wrong("it does not listen", &log)),
        };
        // A full pipe would stop the server.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let key = make_key(binary, folder, database, org).await?;
        let server = Self {
            address,
            key,
            pid,
            child,
            log,
        };
        server.ready().await?;
        Ok(server)
    }

    /// A connection to its API.
    pub(super) async fn api(&self) -> io::Result<Api> {
        Api::open(self.address, &self.key).await
    }

    async fn ready(&self) -> io::Result<()> {
        let pause = Duration::from_millis(100);
        for _ in 0..PATIENCE.as_millis() / pause.as_millis() {
            if self.api().await?.healthy().await {
                return Ok(());
            }
            sleep(pause).await;
        }
        Err(wrong("it does not become healthy", &self.log))
    }

    /// Asks it to end, and waits until it has.
    pub(super) async fn stop(mut self) -> io::Result<()> {
        let pid = self.pid.to_string();
        Command::new("kill").args(["-TERM", &pid]).status().await?;
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(wrong(&format!("it ended with {status}"), &self.log)),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                self.child.kill().await?;
                Err(wrong("it did not end when asked to", &self.log))
            }
        }
    }
}

fn command(binary: &Path, folder: &Path, database: &str) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("POSTRIDER_") {
            command.env_remove(name);
        }
    }
    command
        .env("POSTRIDER_DATABASE_URL", database)
        .env("POSTRIDER_LISTEN", "127.0.0.1:0")
        .env("POSTRIDER_ALLOW_SUBNETS", "127.0.0.0/8")
        .env("POSTRIDER_MAIN_SECRET", MAIN_SECRET)
        .env("POSTRIDER_LOG", "warn")
        .current_dir(folder)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn address(lines: &mut Lines<BufReader<ChildStdout>>) -> io::Result<SocketAddr> {
    while let Some(line) = lines.next_line().await? {
        if let Some((_, rest)) = line.split_once(LISTENING) {
            return rest.trim().parse().map_err(io::Error::other);
        }
    }
    Err(io::Error::other("it ended before it listened"))
}

async fn make_key(binary: &Path, folder: &Path, database: &str, org: &str) -> io::Result<String> {
    let output = command(binary, folder, database)
        .args(["key", "create", "--org", org])
        .output()
        .await?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        return Err(io::Error::other(format!("key create: {text}")));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// An error with the end of what the server logged.
fn wrong(what: &str, log: &Path) -> io::Error {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default();
    io::Error::other(format!("the server: {what}\n{}", tail.join("\n")))
}
