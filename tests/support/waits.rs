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
