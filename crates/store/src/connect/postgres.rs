//! PostgreSQL: how many connections there are, what each is for, and how they are set.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{ConnectError, ConnectOptions};
use crate::db::PostgresDb;
use crate::nodelay;

/// Connections of the committers: one for messages, one for outcomes.
pub(super) const COMMITTERS: u32 = 2;
/// Connections that a server opens at its start and keeps.
const HELD: u32 = 2 + COMMITTERS;

/// What is allowed is divided: a list that holds readers up leaves the writers theirs.
#[derive(Clone, Copy, Debug)]
struct Shares {
    write: u32,
    read: u32,
}

impl Shares {
    fn of(connections: u32) -> Self {
        Self {
            write: (connections / 2).max(2),
            read: (connections - connections / 2).max(2),
        }
    }

    /// Why a connection could not be had.
    fn refused(self, source: sqlx::Error) -> ConnectError {
        let full = source
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code.starts_with("53"));
        if full {
            self.no_room(source)
        } else {
            ConnectError::Reach(source)
        }
    }

    fn no_room(self, source: sqlx::Error) -> ConnectError {
        ConnectError::Room {
            needed: HELD,
            most: self.write + self.read + COMMITTERS,
            source,
        }
    }
}

/// Opens what a server needs at once, and leaves it to the pools, which keep it.
pub(super) async fn hold(db: &PostgresDb) -> Result<(), ConnectError> {
    let size = |pool: &PgPool| pool.options().get_max_connections();
    let shares = Shares {
        write: size(&db.write),
        read: size(&db.read),
    };
    let mut held = Vec::new();
    for pool in [&db.write, &db.read, &db.commit, &db.commit] {
        // A pool tries again where there is no room, and says in the end that it took long.
        held.push(pool.acquire().await.map_err(|source| match source {
            sqlx::Error::PoolTimedOut => shares.no_room(source),
            other => shares.refused(other),
        })?);
    }
    Ok(())
}

pub(super) async fn open(options: &ConnectOptions) -> Result<PostgresDb, ConnectError> {
    let connect = PgConnectOptions::from_str(&options.url)
        .map_err(ConnectError::Url)?
        .application_name("postrider")
        .options([
            ("synchronous_commit", "on"),
            ("timezone", "UTC"),
            // A node that freezes in the middle of a transaction must not hold the others up.
            ("idle_in_transaction_session_timeout", "10s"),
            ("lock_timeout", "5s"),
            ("statement_timeout", "30s"),
        ]);
    let on_this_machine = is_loopback(connect.get_host());
    let (connect, relay) = nodelay::relayed(connect)
        .await
        .map_err(|source| ConnectError::Reach(sqlx::Error::Io(source)))?;
    let connect = if on_this_machine {
        plain_where_possible(connect).await
    } else {
        connect
    };
    // On young tables the planner would join a batch to `delivery` by reading the whole
    // table, and does worse as it grows: pin index access (9,500 to 16,100/s measured).
    let pinned = connect.clone().options([
        ("enable_seqscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        // A statement that hangs ends; a commit that waits for a standby does not.
        ("statement_timeout", "12s"),
    ]);
    let pool = |max: u32| {
        PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(PATIENCE)
    };
    let shares = Shares::of(options.connections);
    let write = pool(shares.write)
        .min_connections(1)
        .connect_with(connect.clone())
        .await
        .map_err(|source| shares.refused(source))?;
    let read = pool(shares.read)
        .min_connections(1)
        .connect_lazy_with(connect);
    // Held for as long as they work: their places could be taken.
    let commit = pool(COMMITTERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(pinned);
    Ok(PostgresDb {
        read,
        write,
        commit,
        relay: relay.map(Arc::new),
    })
}

/// How long a connection to PostgreSQL may take.
const PATIENCE: Duration = Duration::from_secs(5);

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Without TLS, if the URL leaves it open (`prefer`, the default, promises nothing either)
/// and the server takes it: bytes that never leave the machine gain nothing from
/// encryption, which took 6 % of our time and some of the server's.
async fn plain_where_possible(options: PgConnectOptions) -> PgConnectOptions {
    if !matches!(options.get_ssl_mode(), PgSslMode::Prefer) {
        return options;
    }
    let plain = options.clone().ssl_mode(PgSslMode::Disable);
    match tokio::time::timeout(PATIENCE, plain.connect()).await {
        Ok(Ok(connection)) => {
            // It has served its purpose; how it ends does not matter.
            let _ = connection.close().await;
            plain
        }
        _ => options,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_hosts_are_known_by_name_and_by_address() {
        for host in ["localhost", "127.0.0.1", "127.8.0.1", "::1", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["db.example", "10.0.0.1", "localhost.example", "0.0.0.0", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
