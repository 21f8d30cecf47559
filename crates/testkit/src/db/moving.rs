//! The database of a PostgreSQL server of a test's own, under a name that moves.

use parking_lot::Mutex;
use url::Url;

use super::gateway::Gateway;
use super::server::PostgresServer;

/// A way to one server after the other.
#[derive(Debug)]
pub(super) struct MovingDatabase {
    gateway: Gateway,
    /// The superuser's URL of the server that the way leads to.
    behind: Mutex<String>,
}

impl MovingDatabase {
    /// Opens a way to `server`, and gives the URL that leads through it.
    pub(super) fn on(server: &PostgresServer) -> (String, Self) {
        let gateway = Gateway::to(server.address());
        let mut url = Url::parse(&server.url()).expect("a server's URL");
        url.set_port(Some(gateway.address().port()))
            .expect("a URL with a host takes a port");
        let behind = Mutex::new(server.admin_url());
        (url.into(), Self { gateway, behind })
    }

    pub(super) fn move_to(&self, server: &PostgresServer) {
        self.gateway.lead_to(server.address());
        *self.behind.lock() = server.admin_url();
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(super) fn behind(&self) -> String {
        self.behind.lock().clone()
    }
}
