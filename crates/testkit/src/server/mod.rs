//! The real binary, run on a database of its own and a free port.

mod builder;
mod logs;
mod process;

use std::process::ExitStatus;
use std::sync::Arc;

use crate::client::{Base, Client};
use crate::{Engine, TestDatabase};

pub use builder::ServerBuilder;
use builder::Settings;
use process::Process;

/// A running `postrider serve`. Dropping it kills it; if the test is failing, what it
/// logged is printed.
#[derive(Debug)]
pub struct Server {
    process: Option<Process>,
    settings: Settings,
    database: Arc<TestDatabase>,
    base: Base,
    key: String,
}

impl Server {
    /// Starts one with default settings and a key for an organisation of its own.
    pub async fn start(engine: Engine) -> Self {
        Self::on(engine).start().await
    }

    /// One to be started with settings of the test's.
    pub fn on(engine: Engine) -> ServerBuilder {
        ServerBuilder::new(engine)
    }

    /// Another node on the same database, to be started.
    pub fn second(&self) -> ServerBuilder {
        ServerBuilder::beside(self)
    }

    /// A client with the server's key; it follows the server through restarts.
    pub fn client(&self) -> Client {
        Client::new(self.base.clone(), self.key.clone())
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.base.read().clone()
    }

    /// The key that [`Self::client`] uses.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The database below.
    pub fn database(&self) -> &Arc<TestDatabase> {
        &self.database
    }

    /// The process id of the running server.
    pub fn id(&self) -> u32 {
        self.process().id()
    }

    /// What it has written so far, to both outputs.
    pub fn logs(&self) -> String {
        self.process().logs.text()
    }

    /// Waits until it has written a line that contains `part`.
    pub async fn logged(&self, part: &str) -> String {
        self.process().logs.line_with(part).await
    }

    /// Ends it at once, as a crash would.
    pub async fn kill9(&mut self) {
        self.take().kill().await;
    }

    /// Sends a signal, such as `STOP` or `CONT`.
    pub async fn signal(&self, name: &str) {
        self.process().signal(name).await;
    }

    /// Asks it to stop and waits until it has.
    pub async fn terminate(&mut self) -> ExitStatus {
        self.take().terminate().await
    }

    /// Waits until it has stopped by itself.
    pub async fn stopped(&mut self) -> ExitStatus {
        self.take().wait().await
    }

    /// Starts it again after it was stopped or killed, on another port.
    pub async fn restart(&mut self) {
        assert!(self.process.is_none(), "still running");
        let process = self.settings.spawn(self.database.url());
        let url = process.ready(200).await;
        *self.base.write() = url;
        self.process = Some(process);
    }

    /// Runs another command of the binary on the same database and settings.
    pub async fn command(&self, arguments: &[&str]) -> std::process::Output {
        self.settings.command(self.database.url(), arguments).await
    }

    fn process(&self) -> &Process {
        self.process.as_ref().expect("the server is running")
    }

    fn take(&mut self) -> Process {
        self.process.take().expect("the server is running")
    }
}
