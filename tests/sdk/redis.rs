//! A Redis server for tests.

use std::io::ErrorKind;
use std::process::{Child, Command, Stdio};

use ::redis::aio::MultiplexedConnection;
use postrider_testkit::eventually;
use tempfile::TempDir;

/// The server that `POSTRIDER_TEST_REDIS_URL` names, else one of this test's own,
/// which ends with it. Panics and names these ways when neither can be had.
pub(crate) struct Redis {
    client: ::redis::Client,
    own: Option<(Child, TempDir)>,
}

impl Redis {
    pub(crate) async fn start() -> Self {
        if let Ok(url) = std::env::var("POSTRIDER_TEST_REDIS_URL") {
            let client = ::redis::Client::open(url.as_str());
            let client = client.unwrap_or_else(|error| panic!("POSTRIDER_TEST_REDIS_URL: {error}"));
            return Self { client, own: None };
        }
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let socket = folder.path().join("redis.sock");
        let mut server = Command::new("redis-server");
        server
            .args([
                "--port",
                "0",
                "--save",
                "",
                "--appendonly",
                "no",
                "--unixsocket",
            ])
            .arg(&socket)
            .arg("--dir")
            .arg(folder.path());
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        let child = child.unwrap_or_else(|error| {
            let missing = error.kind() == ErrorKind::NotFound;
            let why = if missing {
                "not installed".to_owned()
            } else {
                error.to_string()
            };
            panic!(
                "no Redis for this test. Two ways to have one: set \
                 POSTRIDER_TEST_REDIS_URL=redis://HOST, or install redis-server ({why}), \
                 for instance with `apt-get install redis-server`, which .ci/tools does"
            )
        });
        let url = format!("redis+unix://{}", socket.display());
        let redis = Self {
            client: ::redis::Client::open(url).expect("a path is a URL"),
            own: Some((child, folder)),
        };
        eventually("Redis to answer", || async {
            let connected = redis.client.get_multiplexed_async_connection().await;
            connected.map(|_| ()).map_err(|error| error.to_string())
        })
        .await;
        redis
    }

    pub(crate) async fn connect(&self) -> MultiplexedConnection {
        let connection = self.client.get_multiplexed_async_connection().await;
        connection.unwrap_or_else(|error| panic!("Redis does not answer: {error}"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        if let Some((mut child, _folder)) = self.own.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
