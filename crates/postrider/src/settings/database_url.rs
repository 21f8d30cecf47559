//! The database's address: which engine, and how to show it without its password.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use super::secret::{MASK, Secret};

/// Where the data is kept. Its `Debug` and `Display` mask the password.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    url: Secret,
    sqlite_path: Option<PathBuf>,
}

impl DatabaseUrl {
    /// Reads `sqlite://PATH`, `postgres://...` or `postgresql://...`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let sqlite_path = if let Some(path) = text.strip_prefix("sqlite://") {
            Some(sqlite_path(path)?)
        } else {
            check_postgres(text)?;
            None
        };
        Some(Self {
            url: Secret::new(text),
            sqlite_path,
        })
    }

    /// The URL with its password, for the database driver alone.
    pub fn expose(&self) -> &str {
        self.url.expose()
    }

    /// The SQLite file; `None` for PostgreSQL.
    pub fn sqlite_path(&self) -> Option<&Path> {
        self.sqlite_path.as_deref()
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&masked(self.expose()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `?` would carry options past the promise of durable commits, and whether `%` is itself or
/// an escape should be no question.
fn sqlite_path(path: &str) -> Option<PathBuf> {
    let plain = !path.is_empty() && !path.contains(['?', '#', '%']) && !path.contains(":memory:");
    (plain && !path.ends_with('/')).then(|| PathBuf::from(path))
}

fn check_postgres(text: &str) -> Option<()> {
    let url = Url::parse(text).ok()?;
    let known = matches!(url.scheme(), "postgres" | "postgresql");
    // A '#' in a password cuts the URL short in a way that hides where the password ends.
    (known && url.fragment().is_none() && url.host_str().is_some_and(|host| !host.is_empty()))
        .then_some(())
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
    fn both_spellings_of_postgresql_are_taken() {
        for text in ["postgres://u:p@h:5432/db", "postgresql://u@h/db"] {
            assert_eq!(DatabaseUrl::parse(text).unwrap().sqlite_path(), None);
        }
    }

    #[test]
    fn other_databases_and_ambiguous_urls_are_refused() {
        for text in [
            "",
            "mysql://u:p@h/db",
            "postgres://",
            "postgres:///db",
            "postgres://u:1#x@h/db",
            "sqlite://",
            "sqlite://:memory:",
            "sqlite://a.db?mode=ro",
            "sqlite://a%20b.db",
            "sqlite://dir/",
            "./data/postrider.db",
        ] {
            assert_eq!(DatabaseUrl::parse(text), None, "{text}");
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
