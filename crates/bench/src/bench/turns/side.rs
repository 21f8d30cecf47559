//! One of the two binaries: a fresh database, a server on it, an application whose endpoint is
//! the sink, and publishers that stay connected over all of its turns.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::super::board::Board;
use super::super::clock;
use super::super::database::Database;
use super::super::driver::Publishers;
use super::super::engine::target;
use super::super::measure::receive_all;
use super::super::server::Server;
use super::cost::Account;

/// The last outcomes of a turn are written before the other one's begins.
const AFTER_A_TURN: Duration = Duration::from_millis(100);

/// A server that takes turns with another.
#[derive(Debug)]
pub(super) struct Side {
    /// `old` or `new`.
    name: &'static str,
    server: Server,
    publishers: Publishers,
    pub(super) account: Account,
}

/// What is needed to set one up.
#[derive(Debug)]
pub(super) struct Ground {
    pub(super) name: &'static str,
    pub(super) binary: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) database: Database,
}

impl Side {
    pub(super) async fn start(
        ground: &Ground,
        sink: SocketAddr,
        publishers: usize,
    ) -> io::Result<Self> {
        let Ground {
            name,
            binary,
            folder,
            database,
        } = ground;
        let server = Server::start(binary, folder, &database.url, ("bench", &[])).await?;
        let mut api = server.api().await?;
        let app = api.application("bench").await?;
        api.endpoint(&app, sink, None).await?;
        let publishers = Publishers::connect(&target(&server, &app)?, publishers).await?;
        Ok(Self {
            name,
            account: Account {
                server: server.pid,
                database: database.postmaster.zip(database.name()),
            },
            server,
            publishers,
        })
    }

    /// Publishes `messages` as fast as the answers come, waits until all have arrived, and
    /// gives the seconds from the first publish to the last receipt.
    pub(super) async fn turn(&mut self, board: &Arc<Board>, messages: u64) -> io::Result<f64> {
        let run = board.run(self.name, messages);
        self.publishers.flat_out(&run, board.clock).await?;
        receive_all(&run).await;
        sleep(AFTER_A_TURN).await;
        Ok(clock::seconds(run.elapsed()))
    }

    pub(super) async fn stop(self) -> io::Result<()> {
        // Its connections first: a server that stops waits for none of them.
        drop(self.publishers);
        self.server.stop().await
    }
}

/// What a binary calls itself, for the report.
pub(super) fn version(binary: &Path) -> String {
    std::process::Command::new(binary)
        .arg("--version")
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned())
}
