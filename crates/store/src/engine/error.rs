//! What can go wrong below the API, told apart by what a caller can do about it.

use thiserror::Error;

/// A result of the store.
pub type StoreResult<T> = Result<T, StoreError>;

/// Why the store could not do as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No such row, or not this caller's.
    #[error("{0} not found")]
    NotFound(Entity),
    /// What is there stands in the way.
    #[error("{0}")]
    Conflict(Refusal),
    /// The database is away or overloaded; the same call may go through later.
    #[error("{operation}: the database is not available")]
    Unavailable {
        /// What was being done.
        operation: &'static str,
        /// The driver's words.
        #[source]
        source: sqlx::Error,
    },
    /// The database did not answer in time; whether it did as asked is not known.
    #[error("{0}: the database did not answer in time")]
    TimedOut(&'static str),
    /// Others have given this node up: it may write nothing under its number any more.
    #[error("this node was given up by the others")]
    Fenced,
    /// The statement failed on its data or on our own mistake; a repeat fails again.
    #[error("{operation}: the database refused the statement")]
    Refused {
        /// What was being done.
        operation: &'static str,
        /// The driver's words.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what we never write.
    #[error("bad row in {table}: column {column} of {id}")]
    BadRow {
        table: &'static str,
        column: &'static str,
        /// The row's id, as text.
        id: String,
    },
    /// A secret could not be read with the main secret in force.
    #[error("{0}")]
    Cipher(#[from] crate::engine::cipher::CipherError),
}

/// What can be missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Entity {
    #[error("application")]
    Application,
    #[error("message attempt")]
    Attempt,
    #[error("code")]
    Code,
    #[error("connection")]
    Connection,
    #[error("endpoint")]
    Endpoint,
    #[error("event type")]
    EventType,
    #[error("inbox")]
    Inbox,
    #[error("key")]
    Key,
    #[error("message")]
    Message,
    #[error("message or endpoint")]
    MessageOrEndpoint,
    #[error("organisation")]
    Organisation,
    #[error("task")]
    Task,
}

/// What can stand in a change's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    #[error("the application's uid is taken")]
    AppUid,
    #[error("the application has changed meanwhile")]
    AppVersion,
    #[error("the endpoint is disabled")]
    EndpointDisabled,
    #[error("the endpoint has changed meanwhile")]
    EndpointRevision,
    #[error("the endpoint's uid is taken")]
    EndpointUid,
    #[error("another message has the event id")]
    EventId,
    #[error("the event type's name is taken")]
    EventTypeName,
    #[error("there are too many inboxes")]
    Inboxes,
    #[error("too many replaced secrets are in their grace")]
    LiveSecrets,
    #[error("the organisation's external id is taken")]
    OrgExternalId,
    #[error("the organisation's name is taken")]
    OrgName,
    #[error("the payload is gone")]
    PayloadGone,
    /// No caller's fault: a database that went back gave two nodes the same block of keys.
    #[error("another payload has the key")]
    PayloadKey,
    #[error("another message has the idempotency key")]
    PublishKey,
    #[error("too many tasks are running")]
    RunningTasks,
}

impl StoreError {
    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable { .. } | Self::TimedOut(_) | Self::Fenced
        )
    }

    /// Whether a payload was given a key that another has: the database went back, and two nodes
    /// hold the same block ([`crate::KeyBlock`]). Nothing was written.
    pub fn is_taken_payload_key(&self) -> bool {
        matches!(self, Self::Conflict(Refusal::PayloadKey))
    }

    /// Whether the statement was certainly rolled back in favour of another, so that it
    /// may be repeated at once: a deadlock or a serialisation failure.
    pub(crate) fn is_rolled_back(&self) -> bool {
        let Self::Unavailable { source, .. } = self else {
            return false;
        };
        source
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .is_some_and(|code| matches!(&*code, "40P01" | "40001"))
    }

    /// Whether PostgreSQL itself said no, on a connection that it keeps and that is fit to
    /// write on: another would be told the same, and its place might be taken meanwhile.
    pub(crate) fn is_the_servers_answer(&self) -> bool {
        use sqlx::postgres::{PgDatabaseError, PgSeverity};
        match self {
            Self::Conflict(_) | Self::Fenced => true,
            Self::Unavailable { source, .. } | Self::Refused { source, .. } => source
                .as_database_error()
                .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
                .is_some_and(|error| {
                    let ends = matches!(error.severity(), PgSeverity::Fatal | PgSeverity::Panic);
                    // Read-only: a standby, which a new connection may not lead to.
                    !ends && error.code() != "25006"
                }),
            _ => false,
        }
    }

    /// Whether the error speaks of what was written, not of the moment or of us: a key
    /// that is taken, or a value that the database refuses.
    pub(crate) fn is_about_data(&self) -> bool {
        match self {
            Self::Conflict(_) => true,
            Self::Refused { source, .. } => source
                .as_database_error()
                .and_then(|database| database.code().map(|code| data_code(&code)))
                // What the driver itself refuses to encode.
                .unwrap_or(matches!(source, sqlx::Error::Encode(_))),
            _ => false,
        }
    }

    /// Sorts a driver error by what can be done about it.
    pub(crate) fn from_sqlx(operation: &'static str, source: sqlx::Error) -> Self {
        if let Some(refusal) = violated_key(&source) {
            return Self::Conflict(refusal);
        }
        if is_transient(&source) {
            Self::Unavailable { operation, source }
        } else {
            Self::Refused { operation, source }
        }
    }
}

/// Turns driver errors of `operation` into ours: for `map_err`.
pub(crate) fn during(operation: &'static str) -> impl Fn(sqlx::Error) -> StoreError + Copy {
    move |source| StoreError::from_sqlx(operation, source)
}

/// Unique keys that callers can run into, by what the engines call them:
/// PostgreSQL names the index, SQLite the columns.
const KEYS: &[(&str, &str, Refusal)] = &[
    ("app_uid", "app.org_id, app.uid", Refusal::AppUid),
    (
        "endpoint_uid",
        "endpoint.app_id, endpoint.uid",
        Refusal::EndpointUid,
    ),
    (
        "event_type_name",
        "event_type.org_id, event_type.name",
        Refusal::EventTypeName,
    ),
    (
        "org_external_id_key",
        "org.external_id",
        Refusal::OrgExternalId,
    ),
    ("org_name_key", "org.name", Refusal::OrgName),
    ("publish_key_pkey", "publish_key.key", Refusal::PublishKey),
    (
        "event_key_pkey",
        "event_key.app_id, event_key.event_id",
        Refusal::EventId,
    ),
];

fn violated_key(error: &sqlx::Error) -> Option<Refusal> {
    let database = error.as_database_error()?;
    if !database.is_unique_violation() {
        return None;
    }
    // On PostgreSQL each partition's index has a name of its own.
    let index = database.constraint().unwrap_or_default();
    if (index.starts_with("payload_") && index.ends_with("_pkey"))
        || database.message().ends_with("payload.key")
    {
        return Some(Refusal::PayloadKey);
    }
    KEYS.iter()
        .find(|(name, columns, _)| index == *name || database.message().ends_with(columns))
        .map(|(_, _, refusal)| *refusal)
}

fn is_transient(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::Protocol(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::BeginFailed => true,
        sqlx::Error::Database(database) => {
            database.code().is_some_and(|code| transient_code(&code))
        }
        _ => false,
    }
}

/// SQLSTATE classes and SQLite result codes that speak of the moment, not of the data.
fn transient_code(code: &str) -> bool {
    // SQLSTATE: connection exceptions, resources, operator intervention, system errors,
    // serialisation failures and deadlocks (PostgreSQL manual, appendix A); a lock that is not
    // to be had, a server that takes no writes, and a session that was ended since its
    // transaction stood still (25P03) or took too long (25P04), as ours does when a node freezes.
    let sqlstate = code.len() == 5
        && (["08", "53", "57", "58", "40"]
            .iter()
            .any(|class| code.starts_with(class))
            || matches!(code, "55P03" | "25006" | "25P03" | "25P04"));
    // SQLite: BUSY, LOCKED, NOMEM, READONLY, INTERRUPT, IOERR, FULL, CANTOPEN, PROTOCOL; extended codes keep them
    // in the low byte.
    let sqlite = code.parse::<u32>().is_ok_and(|code| {
        code < 0x1_0000 && matches!(code & 0xFF, 5 | 6 | 7 | 8 | 9 | 10 | 13 | 14 | 15)
    });
    if code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_digit()) {
        // Five digits are always an SQLSTATE: SQLite's extended codes have four at most.
        return sqlstate;
    }
    sqlstate || sqlite
}

/// SQLSTATE classes 22, 23 and 54 (data, integrity, limits); SQLite's TOOBIG, CONSTRAINT,
/// MISMATCH and RANGE, and ERROR, which is what its functions raise.
fn data_code(code: &str) -> bool {
    if code.len() == 5 {
        return ["22", "23", "54"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xFF, 1 | 18 | 19 | 20 | 25))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_moment_are_told_from_codes_of_the_data() {
        for code in [
            "08006", "57P01", "40P01", "40001", "53300", "5", "517", "13", "1034", "7", "8", "778",
            "14", "4874", "55P03", "25006", "25P03", "25P04",
        ] {
            assert!(transient_code(code), "{code}");
        }
        for code in ["23505", "22001", "42P01", "25P02", "19", "2067", "1"] {
            assert!(!transient_code(code), "{code}");
        }
    }
}
