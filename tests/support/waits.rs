//! What several tests wait for.

use std::time::Instant;

use postrider_testkit::{Server, eventually};

/// For measuring how long something took.
#[expect(
    clippy::disallowed_methods,
    reason = "measures how long real processes take"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits until no delivery is pending in the database.
pub async fn nothing_is_owed(server: &Server) {
    eventually("every delivery to end", async || {
        let pending = "select count(*) from delivery where state = 0";
        match server.database().number(pending).await {
            0 => Ok(()),
            left => Err((left, server.client().get("/health").await.text)),
        }
    })
    .await;
}

/// Waits until the server says that it is well.
pub async fn becomes_well(server: &Server) {
    health_is(server, 200).await;
}

/// Waits until the server says that it is not well.
pub async fn ails(server: &Server) {
    health_is(server, 503).await;
}

async fn health_is(server: &Server, status: u16) {
    eventually("health to change", async || {
        let health = server.client().get("/health").await;
        if health.status == status {
            Ok(())
        } else {
            Err(health)
        }
    })
    .await;
}
