//! All of Postrider's SQL, on SQLite and on PostgreSQL behind one type.
//!
//! **Invariants.** Only this crate names sqlx. Nothing here knows HTTP, lanes or
//! receivers. One SQL text serves both engines (sqlx takes `$1` on both); only
//! the bulk statements of the hot path have two bodies.

#[macro_use]
mod db;
mod app;
mod change;
mod cipher;
mod clock;
mod connect;
mod error;
mod feed;
mod migrate;
mod page;
mod partition;
mod payload_key;
mod row;

pub use app::{App, NewApp};
pub use change::{Change, ChangeKind};
pub use cipher::{Cipher, CipherError};
pub use clock::{Clock, ManualClock};
pub use connect::{ConnectError, ConnectOptions};
pub use db::{Engine, Store};
pub use error::{StoreError, StoreResult};
pub use page::{Cursor, Order, Page, PageRequest};
pub use payload_key::KeyBlock;
