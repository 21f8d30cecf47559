//! One run of the binary.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, Command};

use super::logs::Logs;
use crate::{PATIENCE, eventually};

/// What the server writes to standard output once it takes connections.
const LISTENING: &str = "listening on http://";

/// A running server.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    pub(super) logs: Logs,
}

impl Process {
    pub(super) fn spawn(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let logs = Logs::new();
        logs.follow(child.stdout.take().expect("piped above"));
        logs.follow(child.stderr.take().expect("piped above"));
        Self { child, logs }
    }

    /// Waits until the server's health has this status, and gives its address.
    pub(super) async fn ready(&self, status: u16) -> String {
        let line = self.logs.line_with(LISTENING).await;
        let (_, address) = line.split_once(LISTENING).expect("found above");
        let address = address.split_whitespace().next().unwrap_or_default();
        let url = format!("http://{address}");
        let http = crate::http_client(Duration::from_secs(5));
        eventually("the server to be ready", async || {
            match health(&http, &url).await {
                Ok(found) if found == status => Ok(()),
                other => Err((other, self.logs.text())),
            }
        })
        .await;
        url
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().expect("the server is running")
    }

    pub(super) async fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status()
            .await;
        assert!(
            sent.is_ok_and(|status| status.success()),
            "cannot signal the server"
        );
    }

    pub(super) async fn kill(mut self) {
        self.child.kill().await.expect("the server can be killed");
    }

    pub(super) async fn terminate(self) -> ExitStatus {
        self.signal("TERM").await;
        self.wait().await
    }

    pub(super) async fn wait(mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap_or_else(|_| panic!("waited {PATIENCE:?} for the server to stop"))
            .expect("the server's end can be awaited")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the server wrote:\n{}\n---", self.logs.text());
        }
    }
}

async fn health(http: &reqwest::Client, url: &str) -> Result<u16, reqwest::Error> {
    let response = http.get(format!("{url}/api/v1/health")).send().await?;
    Ok(response.status().as_u16())
}
