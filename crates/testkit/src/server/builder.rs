//! How a server is to be started.

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::Arc;

use parking_lot::RwLock;
use tempfile::TempDir;
use tokio::process::Command;

use super::Server;
use super::process::Process;
use crate::{Engine, SmallDisk, TestDatabase, binary};

/// Kept small: all tests of a run share one PostgreSQL server's connections.
const CONNECTIONS: &str = "3";
const MAIN_SECRET: &str = "the main secret of every test: not a secret";

/// Environment, arguments and working directory of a server, kept over restarts.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
    under: Vec<String>,
    /// What starts programs where the database is, if it is not here.
    inside: Vec<String>,
    /// Empty, so that no settings file is found there.
    folder: Arc<TempDir>,
}

impl Settings {
    fn new() -> Self {
        let environment = [
            ("POSTRIDER_LISTEN", "127.0.0.1:0"),
            ("POSTRIDER_ALLOW_SUBNETS", "127.0.0.0/8"),
            ("POSTRIDER_MAIN_SECRET", MAIN_SECRET),
            ("POSTRIDER_INBOX", "true"),
            ("POSTRIDER_DATABASE_CONNECTIONS", CONNECTIONS),
            ("POSTRIDER_WORKER_THREADS", "2"),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let folder = tempfile::Builder::new()
            .prefix("postrider-test-cwd-")
            .tempdir()
            .expect("a temporary folder can be made");
        Self {
            environment: environment.into(),
            arguments: vec!["serve".to_owned()],
            under: Vec::new(),
            inside: Vec::new(),
            folder: Arc::new(folder),
        }
    }

    fn prepare(&self, database_url: &str, arguments: &[&str], under: &[String]) -> Command {
        let mut words = self
            .inside
            .iter()
            .chain(under)
            .map(Into::into)
            .collect::<Vec<std::ffi::OsString>>();
        words.push(binary().into());
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().expect("at least the binary"));
        command.args(words).args(arguments);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("POSTRIDER_") {
                command.env_remove(name);
            }
        }
        command
            .env("POSTRIDER_DATABASE_URL", database_url)
            .envs(&self.environment)
            .current_dir(self.folder.path());
        command
    }

    pub(super) fn spawn(&self, database_url: &str) -> Process {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Process::spawn(self.prepare(database_url, &arguments, &self.under))
    }

    pub(super) async fn command(&self, database_url: &str, arguments: &[&str]) -> Output {
        self.prepare(database_url, arguments, &[])
            .kill_on_drop(true)
            .output()
            .await
            .expect("the binary runs")
    }
}

/// A server to be started.
#[derive(Clone, Debug)]
#[must_use = "nothing runs before start()"]
pub struct ServerBuilder {
    engine: Engine,
    settings: Settings,
    shared: Option<(Arc<TestDatabase>, String)>,
}

impl ServerBuilder {
    pub(super) fn new(engine: Engine) -> Self {
        Self {
            engine,
            settings: Settings::new(),
            shared: None,
        }
    }

    pub(super) fn beside(server: &Server) -> Self {
        Self {
            engine: server.database.engine(),
            settings: server.settings.clone(),
            shared: Some((server.database.clone(), server.key.clone())),
        }
    }

    /// Sets a setting by its name without prefix: `RETRY_SCHEDULE`.
    pub fn set(self, name: &str, value: &str) -> Self {
        self.environment(&format!("POSTRIDER_{name}"), value)
    }

    /// Sets any environment variable.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.settings
            .environment
            .insert(name.to_owned(), value.to_owned());
        self
    }

    /// Leaves a setting that the test kit sets to its default.
    pub fn unset(mut self, name: &str) -> Self {
        self.settings
            .environment
            .remove(&format!("POSTRIDER_{name}"));
        self
    }

    /// Adds an argument to `serve`.
    pub fn argument(mut self, argument: &str) -> Self {
        self.settings.arguments.push(argument.to_owned());
        self
    }

    /// Runs it under another program, such as strace. Signals go to that one then.
    pub fn under(mut self, words: &[&str]) -> Self {
        self.settings.under = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Keeps its database, an SQLite file, on this disk.
    pub fn on_disk(mut self, disk: &SmallDisk) -> Self {
        self.settings.inside = disk.words();
        self.database(Arc::new(disk.database()))
    }

    /// Runs it on this database instead of a new one; a key is made.
    pub fn database(mut self, database: Arc<TestDatabase>) -> Self {
        self.engine = database.engine();
        self.shared = Some((database, String::new()));
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(self) -> Server {
        self.start_until(200).await
    }

    /// Starts it where something is wrong with it from the start, and waits until it says so.
    pub async fn start_unwell(self) -> Server {
        self.start_until(503).await
    }

    async fn start_until(self, health: u16) -> Server {
        let (database, key) = match self.shared {
            Some(shared) => shared,
            None => (
                Arc::new(TestDatabase::new(self.engine).await),
                String::new(),
            ),
        };
        let process = self.settings.spawn(database.url());
        let url = process.ready(health).await;
        let mut server = Server {
            process: Some(process),
            settings: self.settings,
            database,
            base: Arc::new(RwLock::new(url)),
            key,
        };
        if server.key.is_empty() {
            server.key = make_key(&server).await;
        }
        server
    }

    /// Runs another command of the binary with these settings, on a database that is there.
    pub async fn command(&self, arguments: &[&str]) -> Output {
        let (database, _) = self.shared.as_ref().expect("a database is there");
        self.settings.command(database.url(), arguments).await
    }

    /// Starts it where it must refuse to start, and gives what it said.
    pub async fn refused(self) -> Output {
        let database = match self.shared {
            Some((database, _)) => database,
            None => Arc::new(TestDatabase::new(self.engine).await),
        };
        let arguments: Vec<&str> = self.settings.arguments.iter().map(String::as_str).collect();
        let run = self.settings.command(database.url(), &arguments);
        tokio::time::timeout(crate::PATIENCE, run)
            .await
            .expect("the server refuses to start")
    }
}

async fn make_key(server: &Server) -> String {
    let made = server.command(&["key", "create", "--org", "test"]).await;
    assert!(made.status.success(), "no key: {made:?}");
    String::from_utf8_lossy(&made.stdout).trim().to_owned()
}
