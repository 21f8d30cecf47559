//! Statistics: counts and latencies by spans of time, rolled up from the commit log.
//!
//! An attempt counts in the minute and in the hour in which it began, for its endpoint,
//! its application and the organisation, each for all event types together and for its
//! own (of an endpoint's minutes: only together). Minutes are kept for a few days, hours for 90; older hours become days.

mod postgres;
pub(crate) mod read;
pub(crate) mod roll;
mod spans;
mod sqlite;

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_domain::{AppId, EndpointId, Latency, OrgId, Timestamp};
use uuid::Uuid;

pub use self::roll::Rollup;
use crate::engine::error::StoreResult;
use crate::engine::row::corrupt;

/// For how long minutes are kept.
const MINUTES_KEPT: Duration = Duration::from_hours(3 * 24);
/// For how long hours are kept; then they become days.
const HOURS_KEPT: Duration = Duration::from_hours(90 * 24);

/// How long a span of a series is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Bucket {
    /// 60 seconds.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours, from midnight UTC on.
    Day,
}

/// A window of whole spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatWindow {
    /// Where the first span begins.
    pub since: Timestamp,
    /// Where the last one ends.
    pub until: Timestamp,
}

/// Whose statistics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatScope {
    Org(OrgId),
    App(AppId),
    Endpoint(EndpointId),
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were stored; for an endpoint, those that were first tried there.
    pub messages: u64,
    /// Attempts that a 2xx answered.
    pub succeeded: u64,
    /// The others.
    pub failed: u64,
    /// How long the attempts took.
    pub latency: Latency,
}

impl Bucket {
    /// How long a span is.
    pub fn span(self) -> Duration {
        match self {
            Self::Minute => Duration::from_mins(1),
            Self::Hour => Duration::from_hours(1),
            Self::Day => Duration::from_hours(24),
        }
    }

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// For how long spans of this length are kept; `None`: for good.
    pub fn kept(self) -> Option<Duration> {
        match self {
            Self::Minute => Some(MINUTES_KEPT),
            Self::Hour => Some(HOURS_KEPT),
            Self::Day => None,
        }
    }

    /// Where the span that `time` lies in begins.
    pub fn start(self, time: Timestamp) -> Timestamp {
        let span = self.span().as_micros() as i64;
        Timestamp::from_micros(time.micros().div_euclid(span) * span)
    }

    /// The window of whole spans around this one.
    pub fn window(self, since: Timestamp, until: Timestamp) -> StatWindow {
        let end = self.start(until);
        let until = if end == until {
            end
        } else {
            end.plus(self.span())
        };
        StatWindow {
            since: self.start(since),
            until,
        }
    }

    const fn code(self) -> i64 {
        match self {
            Self::Minute => 0,
            Self::Hour => 1,
            Self::Day => 2,
        }
    }
}

impl StatScope {
    fn uuid(self) -> Uuid {
        match self {
            Self::Org(id) => id.uuid(),
            Self::App(id) => id.uuid(),
            Self::Endpoint(id) => id.uuid(),
        }
    }
}

impl Counts {
    /// Adds what another has counted.
    pub fn merge(&mut self, other: &Self) {
        self.messages += other.messages;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.latency.merge(&other.latency);
    }
}

/// The key of one row, in the order in which rows are written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    scope: Uuid,
    width: i64,
    /// Empty: all of them.
    event_type: String,
    start: i64,
}

type Table = BTreeMap<Key, Counts>;

/// The columns of a row but for its key.
#[derive(sqlx::FromRow)]
struct Row {
    messages: i64,
    succeeded: i64,
    failed: i64,
    latency: Vec<u8>,
}

impl Row {
    fn counts(&self, scope: Uuid) -> StoreResult<Counts> {
        let latency = Latency::from_bytes(&self.latency);
        Ok(Counts {
            messages: self.messages.unsigned_abs(),
            succeeded: self.succeeded.unsigned_abs(),
            failed: self.failed.unsigned_abs(),
            latency: latency.ok_or_else(|| corrupt("stat", "latency", scope))?,
        })
    }

    /// The same to be added to: latencies that cannot be read begin anew, since one bad row
    /// must not hold up what is counted for everybody.
    fn counts_to_go_on_with(&self, scope: Uuid) -> Counts {
        self.counts(scope).unwrap_or_else(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "latencies of a span begin anew"
            );
            Counts {
                messages: self.messages.unsigned_abs(),
                succeeded: self.succeeded.unsigned_abs(),
                failed: self.failed.unsigned_abs(),
                latency: Latency::default(),
            }
        })
    }
}

/// The statements of the folder.
#[cfg(test)]
pub(crate) const REGISTRY: &[crate::engine::sql::Statements] =
    &[postgres::STATEMENTS, sqlite::STATEMENTS];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_widened_to_whole_spans() {
        let at = |seconds: i64| Timestamp::from_seconds(1_800_000_000 + seconds);
        let hour = Bucket::Hour.window(at(1), at(3_601));
        assert_eq!((hour.since, hour.until), (at(0), at(7_200)));
        assert_eq!(Bucket::Hour.window(hour.since, hour.until), hour);
        assert_eq!(Bucket::Minute.window(at(59), at(60)).until, at(60));
        let before = Timestamp::from_seconds(-1);
        assert_eq!(Bucket::Day.start(before), Timestamp::from_seconds(-86_400));
    }
}
