//! Opening a database: the engine, and the partitions of the days to come.

use crate::engine::Store;
use crate::engine::cipher::Cipher;
use crate::engine::clock::Clock;
use crate::engine::connect::{ConnectError, ConnectOptions};

impl Store {
    /// Opens the database, brings it up to date, and sets the clock by it.
    pub async fn open(
        options: &ConnectOptions,
        cipher: Cipher,
        clock: Clock,
    ) -> Result<Self, ConnectError> {
        let store = Self::connect(options, cipher, clock).await?;
        store.make_partitions().await?;
        Ok(store)
    }
}
