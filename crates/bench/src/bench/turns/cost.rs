//! Whose processor time is whose while two servers are up: each server's process, the
//! database's back-ends by the database that their titles name, and what works for both.

use std::fs;
use std::io;

use super::super::cpu;

/// What PostgreSQL's processes that work for every database call themselves.
const FOR_ALL: &[&str] = &[
    "checkpointer",
    "background writer",
    "walwriter",
    "archiver",
    "autovacuum launcher",
    "stats collector",
];

/// Whose time is read.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) server: u32,
    /// The database's name on a PostgreSQL server of this machine.
    pub(super) database: Option<(u32, String)>,
}

/// CPU-seconds from a process' start on.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub(super) struct Cost {
    pub(super) server: f64,
    pub(super) database: f64,
}

impl Cost {
    pub(super) fn whole(self) -> f64 {
        self.server + self.database
    }

    pub(super) fn since(self, earlier: Self) -> Self {
        Self {
            server: self.server - earlier.server,
            database: self.database - earlier.database,
        }
    }
}

impl Account {
    /// What was used for this one alone.
    pub(super) fn own(&self) -> io::Result<Cost> {
        let database = match &self.database {
            Some((postmaster, name)) => {
                let ours = |title: &str| words(title).any(|word| word == name);
                sum(*postmaster, ours)?
            }
            None => 0.0,
        };
        Ok(Cost {
            server: cpu::seconds_of(self.server)?,
            database,
        })
    }

    /// What the database's processes used that work for every database.
    pub(super) fn shared(&self) -> io::Result<f64> {
        let Some((postmaster, _)) = &self.database else {
            return Ok(0.0);
        };
        sum(*postmaster, works_for_all)
    }
}

fn sum(postmaster: u32, counts: impl Fn(&str) -> bool) -> io::Result<f64> {
    let mut seconds = 0.0;
    for pid in cpu::children(postmaster)? {
        let title = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if counts(&String::from_utf8_lossy(&title)) {
            // One that has just ended is missing from both readings.
            seconds += cpu::seconds_of(pid).unwrap_or(0.0);
        }
    }
    Ok(seconds)
}

fn words(title: &str) -> impl Iterator<Item = &str> {
    title.split(|char: char| char.is_ascii_whitespace() || char == '\0')
}

fn works_for_all(title: &str) -> bool {
    let title = title.trim_end_matches(|char: char| char.is_ascii_whitespace() || char == '\0');
    FOR_ALL.iter().any(|name| title.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_tells_whom_a_process_works_for() {
        let title = "postgres: 15/main: postgres postrider_bench_ab 127.0.0.1(40114) COMMIT\0\0";
        assert!(words(title).any(|word| word == "postrider_bench_ab"));
        assert!(!words(title).any(|word| word == "postrider_bench_a"));
        assert!(!works_for_all(title));
        assert!(works_for_all("postgres: 15/main: walwriter \0\0"));
        assert!(works_for_all("postgres: checkpointer"));
        assert!(!works_for_all(
            "postgres: autovacuum worker postrider_bench_ab"
        ));
    }

    #[test]
    fn what_a_process_uses_is_counted_from_one_reading_to_the_next() {
        let account = Account {
            server: std::process::id(),
            database: None,
        };
        let before = account.own().unwrap();
        let spent = account.own().unwrap().since(before);
        assert!(spent.whole() >= 0.0 && spent.database.abs() < 1e-12);
        assert!(account.shared().unwrap().abs() < 1e-12);
    }
}
