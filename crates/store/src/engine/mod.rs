//! The two engines behind one type: opening them, sending them SQL, reading rows back.
//!
//! The lowest wing. It knows of no table but `meta`, and of nothing that is done above.

pub mod fail_points;

pub(crate) mod checkpoint;
pub(crate) mod cipher;
pub(crate) mod clock;
pub(crate) mod connect;
pub(crate) mod entropy;
pub(crate) mod error;
pub(crate) mod migrate;
pub(crate) mod news;
mod nodelay;
pub(crate) mod page;
pub(crate) mod put_aside;
pub(crate) mod row;
pub(crate) mod run;
pub(crate) mod script;
pub(crate) mod sql;
mod store;
pub(crate) mod transaction;

pub(crate) use store::{Db, PostgresDb, SqliteDb};
pub use store::{Engine, Store};

/// The statements of the wing.
#[cfg(test)]
pub(crate) const REGISTRY: &[&[crate::engine::sql::Statements]] =
    &[&[connect::STATEMENTS, migrate::STATEMENTS]];
