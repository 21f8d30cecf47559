//! The database's address: which engine, and how to show it without its password.

use std::fmt;
use std::path::{Path, PathBuf};

use postrider_store::Secret;
use url::Url;

use super::MASK;
use super::registry as all;

/// What PostgreSQL's URLs may say behind the `?`; what the driver calls by other names too
/// stands for itself.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    SESSION,
    "user",
];
/// We need a server that writes whatever this says, and the driver does not know it.
const SESSION: &str = "target_session_attrs";
const SESSIONS: &[&str] = &["read-write", "primary", "any"];

/// What a URL must be and is not: words that follow "must be".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseUrlFault {
    /// Neither engine's.
    #[error("{}", all::DATABASE_URL.allowed)]
    Form,
    /// No server is named.
    #[error(
        "a URL that names a server: postgres://USER@HOST/DATABASE, or postgres:///DATABASE?host=/run/postgresql for a socket"
    )]
    NoHost,
    /// More than one server is named.
    #[error(
        "a URL of one host, since the driver knows no lists of them: name a proxy, or an address that follows the primary"
    )]
    Hosts,
    /// A parameter that nothing would heed.
    #[error("a URL without the parameter {0}, which is not known here (known are {known})", known = PARAMETERS.join(", "))]
    Unknown(String),
    /// A parameter that is there twice.
    #[error("a URL with the parameter {0} once at most")]
    Twice(String),
    /// A kind of server that we cannot use.
    #[error("a URL with {SESSION}={sessions}, since every server of ours must take writes", sessions = SESSIONS.join(", "))]
    Session,
    /// A parameter of a SQLite file.
    #[error(
        "a sqlite:// URL without parameters (it has {0}): how the file is opened is not for choice"
    )]
    OfSqlite(String),
}

/// Where the data is kept. Its `Debug` and `Display` mask the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: Secret,
    /// As the driver takes it.
    driver: Secret,
    sqlite_path: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Reads `sqlite://PATH`, `postgres://...` or `postgresql://...`.
    ///
    /// # Errors
    /// A [`DatabaseUrlFault`]; it shows no value of the URL.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlFault> {
        let (driver, sqlite_path) = if let Some(path) = text.strip_prefix("sqlite://") {
            (text.to_owned(), Some(sqlite_path(path)?))
        } else {
            (postgres(text)?, None)
        };
        Ok(Self {
            url: Secret::new(text.to_owned()),
            driver: Secret::new(driver),
            sqlite_path,
        })
    }

    /// The URL with its password, for the database driver alone.
    pub fn expose(&self) -> &str {
        self.driver.expose()
    }

    /// The SQLite file; `None` for PostgreSQL.
    pub fn sqlite_path(&self) -> Option<&Path> {
        self.sqlite_path.as_deref()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.url.expose()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `?` would carry options past the promise of durable commits, and whether `%` is itself or
/// an escape should be no question.
fn sqlite_path(path: &str) -> Result<PathBuf, DatabaseUrlFault> {
    if let Some((_, query)) = path.split_once('?') {
        let names = query.split('&').map(|pair| pair.split('=').next());
        let names: Vec<_> = names.flatten().collect();
        return Err(DatabaseUrlFault::OfSqlite(names.join(", ")));
    }
    let plain = !path.is_empty() && !path.contains(['#', '%']) && !path.contains(":memory:");
    if plain && !path.ends_with('/') {
        Ok(PathBuf::from(path))
    } else {
        Err(DatabaseUrlFault::Form)
    }
}

/// The URL as the driver takes it.
fn postgres(text: &str) -> Result<String, DatabaseUrlFault> {
    let rest = ["postgres://", "postgresql://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme))
        .ok_or(DatabaseUrlFault::Form)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (credentials, place) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    if place.contains(',') {
        return Err(DatabaseUrlFault::Hosts);
    }
    // The parser wants a host behind a user; a parameter will name the one that counts.
    let text = if !credentials.is_empty() && place.is_empty() {
        text.replacen(credentials, &format!("{credentials}localhost"), 1)
    } else {
        text.to_owned()
    };
    let mut url = Url::parse(&text).map_err(|_| DatabaseUrlFault::Form)?;
    // A '#' in a password cuts the URL short in a way that hides where the password ends.
    if url.fragment().is_some() {
        return Err(DatabaseUrlFault::Form);
    }
    let pairs = parameters(&url)?;
    let named = |name: &str| pairs.iter().any(|(other, _)| other == name);
    if place.is_empty() && !named("host") && !named("hostaddr") {
        return Err(DatabaseUrlFault::NoHost);
    }
    let kept: Vec<_> = pairs.iter().filter(|(name, _)| name != SESSION).collect();
    if kept.len() < pairs.len() {
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    }
    Ok(url.into())
}

/// What stands behind the `?`, if all of it is heeded.
fn parameters(url: &Url) -> Result<Vec<(String, String)>, DatabaseUrlFault> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            return Err(DatabaseUrlFault::Unknown(name.into_owned()));
        }
        if pairs.iter().any(|(other, _)| *other == name) {
            return Err(DatabaseUrlFault::Twice(name.into_owned()));
        }
        if matches!(&*name, "host" | "hostaddr" | "port") && value.contains(',') {
            return Err(DatabaseUrlFault::Hosts);
        }
        if name == SESSION && !SESSIONS.contains(&&*value) {
            return Err(DatabaseUrlFault::Session);
        }
        pairs.push((name.into_owned(), value.into_owned()));
    }
    Ok(pairs)
}

/// `text` with its password masked, by its text alone: a malformed URL must not show one either.
pub(super) fn masked(text: &str) -> String {
    let (scheme, rest) = text.split_at(text.find("://").map_or(0, |at| at + 3));
    let (credentials, place) = rest.split_at(rest.rfind('@').unwrap_or(0));
    let credentials = match credentials.split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}"),
        None => credentials.to_owned(),
    };
    let (place, query) = place.split_at(place.find('?').unwrap_or(place.len()));
    let pairs: Vec<_> = query.split('&').map(masked_pair).collect();
    format!("{scheme}{credentials}{place}{}", pairs.join("&"))
}

/// A pair of the query, its value masked if the name speaks of a password.
fn masked_pair(pair: &str) -> String {
    match pair.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_url_names_a_relative_or_absolute_file() {
        let relative = DatabaseUrl::parse("sqlite://./data/postrider.db").unwrap();
        assert_eq!(
            relative.sqlite_path(),
            Some(Path::new("./data/postrider.db"))
        );
        let absolute = DatabaseUrl::parse("sqlite:///var/lib/p.db").unwrap();
        assert_eq!(absolute.sqlite_path(), Some(Path::new("/var/lib/p.db")));
    }

    #[test]
    fn servers_and_sockets_are_taken_in_every_form_that_names_one() {
        for text in [
            "postgres://u:p@h:5432/db",
            "postgresql://u@h/db",
            "postgres://h",
            "postgres://[::1]:5432/db",
            "postgres://u:a,b@h/db",
            "postgres:///db?host=/run/postgresql",
            "postgres:///db?host=db.example&port=5433&user=u&password=a,b",
            "postgres://u:p@/db?host=/run/postgresql",
            "postgres://u@%2Frun%2Fpostgresql/db",
            "postgres://%2Frun%2Fpostgresql:5433/db",
            "postgres:///?hostaddr=10.0.0.1&dbname=db",
            "postgres://h/db?sslmode=verify-full&sslrootcert=/ca.pem&application_name=hooks",
        ] {
            let url = DatabaseUrl::parse(text).unwrap();
            assert_eq!(url.sqlite_path(), None, "{text}");
        }
    }

    #[test]
    fn a_server_that_writes_is_what_we_want_and_the_driver_does_not_hear_of_it() {
        for (text, driver) in [
            (
                "postgres://h/db?target_session_attrs=read-write",
                "postgres://h/db",
            ),
            (
                "postgres://h/db?target_session_attrs=any",
                "postgres://h/db",
            ),
            (
                "postgres://h/db?target_session_attrs=primary&sslmode=require",
                "postgres://h/db?sslmode=require",
            ),
        ] {
            assert_eq!(DatabaseUrl::parse(text).unwrap().expose(), driver);
        }
    }

    #[test]
    fn what_nothing_would_heed_is_refused_in_words_that_name_it() {
        for (text, words) in [
            ("postgres://h/db?connect_timeout=5", "connect_timeout"),
            ("postgres://h/db?sslmode=require&sslcrl=x", "sslcrl"),
            ("postgres://h/db?SSLMODE=require", "SSLMODE"),
            ("postgres://h/db?connect_timeout=5", "target_session_attrs"),
            (
                "postgres://h/db?sslmode=require&sslmode=disable",
                "sslmode once",
            ),
            ("postgres://h1,h2/db", "one host"),
            ("postgres://u:p@h1:5432,h2:5433/db", "one host"),
            ("postgres:///db?host=h1,h2", "one host"),
            ("postgres://h/db?port=1,2", "one host"),
            ("postgres:///db?hostaddr=10.0.0.1,10.0.0.2", "one host"),
            (
                "postgres://h/db?target_session_attrs=standby",
                "read-write, primary, any",
            ),
            (
                "postgres://h/db?target_session_attrs=read-only",
                "take writes",
            ),
            ("postgres:///db", "?host=/run/postgresql"),
            ("postgres://", "?host=/run/postgresql"),
            ("sqlite://a.db?mode=rwc", "(it has mode)"),
            ("sqlite://a.db?cache=shared&vfs=unix", "(it has cache, vfs)"),
        ] {
            let fault = DatabaseUrl::parse(text).unwrap_err().to_string();
            assert!(fault.contains(words), "{text}: {fault}");
        }
    }

    #[test]
    fn other_databases_and_ambiguous_urls_are_refused() {
        for text in [
            "",
            "mysql://u:p@h/db",
            "postgres://u:1#x@h/db",
            "postgres://u:p@h:99999/db",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://a%20b.db",
            "sqlite://dir/",
            "./data/postrider.db",
        ] {
            let fault = DatabaseUrl::parse(text).unwrap_err();
            assert_eq!(fault, DatabaseUrlFault::Form, "{text}");
        }
    }

    #[test]
    fn a_password_is_masked_even_where_the_url_is_malformed() {
        for text in [
            "postgres://u:hunter2@h/db",
            "postgres://u:hunter2#x@h/db",
            "postgres://u:p@hunter2@h/db",
            "mysql://u:hunter2@h:99999/db",
            "u:hunter2@h/db",
            "postgres://u@h/db?password=hunter2&sslmode=require",
            "postgres://h/db?x=1&PASSWORD=hunter2",
        ] {
            assert!(!masked(text).contains("hunter2"), "{}", masked(text));
        }
        assert_eq!(
            masked("postgres://u:hunter2@h/db?a=b"),
            "postgres://u:********@h/db?a=b"
        );
        assert_eq!(masked("sqlite://./x.db"), "sqlite://./x.db");
        let url = DatabaseUrl::parse("postgres://u:hunter2@h/db").unwrap();
        assert!(!format!("{url} {url:?}").contains("hunter2"));
    }
}
