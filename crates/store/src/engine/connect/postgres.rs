//! PostgreSQL: how many connections there are, what each is for, and how they are set.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions, PgSslMode};
use sqlx::{ConnectOptions as _, Connection as _};

use super::session::{self, SessionUse};
use super::{ConnectError, ConnectOptions};
use crate::engine::PostgresDb;
use crate::engine::nodelay;

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

    fn in_force(db: &PostgresDb) -> Self {
        let size = |pool: &PgPool| pool.options().get_max_connections();
        Self {
            write: size(&db.write),
            read: size(&db.read),
        }
    }

    /// Why a connection could not be had.
    fn refused(self, source: sqlx::Error) -> ConnectError {
        let full = source
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| code.starts_with("53"));
        if !full {
            return ConnectError::Reach(source);
        }
        ConnectError::Room {
            needed: HELD,
            most: self.write + self.read + COMMITTERS,
            source,
        }
    }
}

/// Opens what a server needs at once, and leaves it to the pools, which keep it.
pub(super) async fn hold(db: &PostgresDb) -> Result<(), ConnectError> {
    let shares = Shares::in_force(db);
    let mut held = Vec::new();
    for pool in [&db.write, &db.read, &db.commit, &db.commit] {
        match pool.acquire().await {
            Ok(connection) => held.push(connection),
            Err(source) => return Err(explained(db, shares.refused(source)).await),
        }
    }
    Ok(())
}

/// A pool tries again where there is no room, and says in the end that it took long: whoever
/// connects without one hears why.
pub(super) async fn explained(db: &PostgresDb, error: ConnectError) -> ConnectError {
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(known) = cause {
        if let Some(sqlx::Error::PoolTimedOut) = known.downcast_ref() {
            return match connected(&db.write.connect_options()).await {
                Ok(_) => error,
                Err(source) => Shares::in_force(db).refused(source),
            };
        }
        cause = known.source();
    }
    error
}

pub(super) async fn open(options: &ConnectOptions) -> Result<PostgresDb, ConnectError> {
    let shares = Shares::of(options.connections);
    let connect = PgConnectOptions::from_str(&options.url)
        .map_err(ConnectError::Url)?
        // A pooler refuses to start with what it does not know: the session is set up later.
        .extra_float_digits(None);
    let connect = match connect.get_application_name() {
        None => connect.application_name("postrider"),
        Some(_) => connect,
    };
    let on_this_machine = is_loopback(connect.get_host());
    let (connect, relay) = nodelay::relayed(connect)
        .await
        .map_err(|source| ConnectError::Reach(sqlx::Error::Io(source)))?;
    let (connect, first) = first_connection(connect, on_this_machine, shares).await?;
    examine(&connect, first, shares).await?;
    let pool = |max: u32, purpose: SessionUse| {
        PgPoolOptions::new()
            .max_connections(max)
            .acquire_timeout(PATIENCE)
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    session::prepare(connection, purpose)
                        .await
                        .map_err(|error| sqlx::Error::Configuration(error.into()))
                })
            })
    };
    let write = pool(shares.write, SessionUse::General)
        .min_connections(1)
        .connect_with(connect.clone())
        .await
        .map_err(|source| shares.refused(source))?;
    let read = pool(shares.read, SessionUse::General)
        .min_connections(1)
        .connect_lazy_with(connect.clone());
    // Held for as long as they work: their places could be taken.
    let commit = pool(COMMITTERS, SessionUse::Commits)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(connect);
    Ok(PostgresDb {
        read,
        write,
        commit,
        relay: relay.map(Arc::new),
    })
}

/// The first connection, and how the others are opened. On this machine without TLS, if the
/// URL leaves it open (`prefer`, the default, promises nothing either) and the server takes
/// it: bytes that never leave the machine gain nothing from encryption, which took 6 % of our
/// time and some of the server's.
async fn first_connection(
    options: PgConnectOptions,
    on_this_machine: bool,
    shares: Shares,
) -> Result<(PgConnectOptions, PgConnection), ConnectError> {
    if on_this_machine && matches!(options.get_ssl_mode(), PgSslMode::Prefer) {
        let plain = options.clone().ssl_mode(PgSslMode::Disable);
        if let Ok(connection) = connected(&plain).await {
            return Ok((plain, connection));
        }
    }
    let connection = connected(&options).await;
    let connection = connection.map_err(|source| shares.refused(source))?;
    Ok((options, connection))
}

async fn connected(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    tokio::time::timeout(PATIENCE, options.connect())
        .await
        .unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

/// Says in words what is wrong with the server, or with what stands before it: the pools only
/// try again and say that it took long.
async fn examine(
    options: &PgConnectOptions,
    mut first: PgConnection,
    shares: Shares,
) -> Result<(), ConnectError> {
    session::prepare(&mut first, SessionUse::General).await?;
    let second = connected(options).await;
    let mut second = second.map_err(|source| shares.refused(source))?;
    session::are_sessions(&mut first, &mut second).await?;
    for connection in [first, second] {
        // They have served their purpose; how they end does not matter.
        let _ = connection.close().await;
    }
    Ok(())
}

/// How long a connection to PostgreSQL may take.
const PATIENCE: Duration = Duration::from_secs(5);

fn is_loopback(host: &str) -> bool {
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || literal.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
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

    #[test]
    fn the_driver_reads_the_server_from_every_form_that_we_take() {
        for (url, place) in [
            ("postgres://u@h/db", "h"),
            ("postgres://[::1]:5432/db", "[::1]"),
            ("postgres:///db?host=/run/postgresql", "/run/postgresql"),
            (
                "postgres://u@localhost/db?host=/run/postgresql",
                "/run/postgresql",
            ),
            ("postgres:///db?host=db.example&port=5433", "db.example"),
            ("postgres:///?hostaddr=10.0.0.1&dbname=db", "10.0.0.1"),
            ("postgres://u@%2Frun%2Fpostgresql/db", "/run/postgresql"),
        ] {
            let options = PgConnectOptions::from_str(url).unwrap();
            let socket = options.get_socket().map(|path| path.display().to_string());
            let read = socket.unwrap_or_else(|| options.get_host().to_owned());
            assert_eq!(read, place, "{url}");
            assert_eq!(options.get_database(), Some("db"), "{url}");
        }
    }
}
