//! Parameters of a query: each is described once, and what is read of it has its type.

use std::fmt;

use postrider_domain::{AttemptStatus, Timestamp};
use postrider_store::Order;

use super::query::Query;
use super::time;
use crate::error::{ApiError, ApiResult};

/// What a parameter's value may be, and what holds when it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Flag(bool),
    /// A whole number within bounds.
    Number {
        /// The least that it may be.
        min: u16,
        /// The most that it may be.
        max: u16,
        /// What it is when it is absent.
        absent: u16,
    },
    /// A point in time.
    Time,
    /// Any text.
    Text,
    /// Texts: `a,b`, repeated, `name[]=` or `name[0]=`.
    List,
    /// `ascending` or `descending`.
    Order(Order),
    /// One of these words.
    Word(&'static [&'static str]),
    /// The number of an attempt's status.
    Status,
    /// 0, 100, 200, ... 500.
    StatusClass,
}

/// A parameter that an operation understands; reading it gives a `T`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Param<T> {
    name: &'static str,
    kind: Kind,
    about: &'static str,
    read: fn(&Given<'_>) -> ApiResult<T>,
}

/// A parameter of any type, as operations list and describe them.
pub(crate) trait Parameter: fmt::Debug + Sync {
    /// By which name it is given.
    fn name(&self) -> &'static str;
    /// What it may be.
    fn kind(&self) -> Kind;
    /// What it does.
    fn about(&self) -> &'static str;
}

impl<T: fmt::Debug> Parameter for Param<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn about(&self) -> &'static str {
        self.about
    }
}

impl<T> Param<T> {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// What the query says of it.
    pub(super) fn read(&self, query: &Query) -> ApiResult<T> {
        (self.read)(&Given {
            name: self.name,
            kind: self.kind,
            query,
        })
    }
}

impl Param<bool> {
    /// `true` or `false`, or `absent`.
    pub(crate) const fn flag(name: &'static str, absent: bool, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Flag(absent),
            about,
            read: |given| given.flag(),
        }
    }
}

impl Param<u16> {
    /// A whole number within bounds, or `absent`.
    pub(crate) const fn number(
        name: &'static str,
        (min, max): (u16, u16),
        absent: u16,
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Number { min, max, absent },
            about,
            read: |given| given.number(),
        }
    }
}

impl Param<Option<Timestamp>> {
    /// A point in time.
    pub(crate) const fn time(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Time,
            about,
            read: |given| given.time(),
        }
    }
}

impl Param<Option<String>> {
    /// Any text; an empty one is none.
    pub(crate) const fn text(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Text,
            about,
            read: |given| {
                let text = given.text().filter(|text| !text.is_empty());
                Ok(text.map(str::to_owned))
            },
        }
    }
}

impl Param<Vec<String>> {
    /// All the texts of a list, however it is written.
    pub(crate) const fn list(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::List,
            about,
            read: |given| Ok(given.query.items(given.name)),
        }
    }
}

impl Param<Order> {
    /// The order of a list, or `absent`.
    pub(crate) const fn order(name: &'static str, absent: Order, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Order(absent),
            about,
            read: |given| given.order(),
        }
    }
}

impl Param<Option<&'static str>> {
    /// One of the words.
    pub(crate) const fn word(
        name: &'static str,
        words: &'static [&'static str],
        about: &'static str,
    ) -> Self {
        Self {
            name,
            kind: Kind::Word(words),
            about,
            read: |given| given.word(),
        }
    }
}

impl Param<Option<AttemptStatus>> {
    /// An attempt's status by its number.
    pub(crate) const fn status(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::Status,
            about,
            read: |given| given.status(),
        }
    }
}

impl Param<Option<u16>> {
    /// A class of HTTP status: its lowest number, 0 for no answer.
    pub(crate) const fn status_class(name: &'static str, about: &'static str) -> Self {
        Self {
            name,
            kind: Kind::StatusClass,
            about,
            read: |given| given.status_class(),
        }
    }
}

/// A parameter beside the query that it is read from.
struct Given<'a> {
    name: &'static str,
    kind: Kind,
    query: &'a Query,
}

impl Given<'_> {
    fn text(&self) -> Option<&str> {
        self.query.last(self.name)
    }

    /// What `read` makes of the text, if there is one; `allowed` says what it may be, where it
    /// is refused.
    fn parsed<T, A: AsRef<str>>(
        &self,
        allowed: impl FnOnce() -> A,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> ApiResult<Option<T>> {
        let parsed = |text| read(text).ok_or_else(|| refuse(self.name, text, allowed().as_ref()));
        self.text().map(parsed).transpose()
    }

    fn flag(&self) -> ApiResult<bool> {
        let absent = self.kind == Kind::Flag(true);
        let said = self.parsed(|| "true or false", |text| text.parse().ok())?;
        Ok(said.unwrap_or(absent))
    }

    fn number(&self) -> ApiResult<u16> {
        let (min, max, absent) = match self.kind {
            Kind::Number { min, max, absent } => (min, max, absent),
            _ => (0, u16::MAX, 0),
        };
        let within = |text: &str| text.parse().ok().filter(|it| (min..=max).contains(it));
        let said = self.parsed(|| format!("a whole number from {min} to {max}"), within)?;
        Ok(said.unwrap_or(absent))
    }

    fn time(&self) -> ApiResult<Option<Timestamp>> {
        self.parsed(|| "a time such as 2026-01-31T12:00:00Z", time::parse)
    }

    fn order(&self) -> ApiResult<Order> {
        let absent = match self.kind {
            Kind::Order(absent) => absent,
            _ => Order::Ascending,
        };
        let said = self.parsed(
            || "ascending or descending",
            |text| match text {
                "ascending" => Some(Order::Ascending),
                "descending" => Some(Order::Descending),
                _ => None,
            },
        )?;
        Ok(said.unwrap_or(absent))
    }

    fn word(&self) -> ApiResult<Option<&'static str>> {
        let words: &'static [&'static str] = match self.kind {
            Kind::Word(words) => words,
            _ => &[],
        };
        self.parsed(
            || words.join(", "),
            |text| words.iter().copied().find(|word| *word == text),
        )
    }

    fn status(&self) -> ApiResult<Option<AttemptStatus>> {
        let allowed = "0 (success), 1 (pending), 2 (fail), 3 (sending) or 4 (canceled)";
        self.parsed(
            || allowed,
            |text| AttemptStatus::try_from(text.parse::<i16>().ok()?).ok(),
        )
    }

    fn status_class(&self) -> ApiResult<Option<u16>> {
        self.parsed(
            || "0, 100, 200, 300, 400 or 500",
            |text| {
                let class = text.parse().ok()?;
                [0, 100, 200, 300, 400, 500]
                    .contains(&class)
                    .then_some(class)
            },
        )
    }
}

fn refuse(name: &str, value: &str, allowed: &str) -> ApiError {
    let shown: String = value.chars().take(100).collect();
    ApiError::invalid_query(name, format!("{shown:?} is not allowed: give {allowed}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAG: Param<bool> = Param::flag("flag", false, "");
    const ON: Param<bool> = Param::flag("on", true, "");
    const LIMIT: Param<u16> = Param::number("limit", (0, 250), 50, "");
    const EVENT_TYPES: Param<Vec<String>> = Param::list("event_types", "");
    const STATUS: Param<Option<AttemptStatus>> = Param::status("status", "");
    const CLASS: Param<Option<u16>> = Param::status_class("status_code_class", "");
    const BEFORE: Param<Option<Timestamp>> = Param::time("before", "");
    const ORDER: Param<Order> = Param::order("order", Order::Descending, "");
    const BUCKET: Param<Option<&'static str>> = Param::word("bucket", &["hour", "day"], "");
    const Q: Param<Option<String>> = Param::text("q", "");
    const DECLARED: &[&dyn Parameter] = &[
        &FLAG,
        &ON,
        &LIMIT,
        &EVENT_TYPES,
        &STATUS,
        &CLASS,
        &BEFORE,
        &ORDER,
        &BUCKET,
        &Q,
    ];

    fn query(raw: &str) -> Query {
        Query::parse(Some(raw), DECLARED).unwrap()
    }

    #[test]
    fn a_list_may_be_written_in_four_ways() {
        for raw in [
            "event_types=a,b",
            "event_types=a&event_types=b",
            "event_types[]=a&event_types[]=b",
            "event_types[0]=a&event_types%5B1%5D=b",
        ] {
            assert_eq!(query(raw).get(&EVENT_TYPES).unwrap(), ["a", "b"], "{raw}");
        }
        let others = query("event_types[x]=a&event_typesx=b&event_types=");
        assert!(others.get(&EVENT_TYPES).unwrap().is_empty());
    }

    #[test]
    fn a_bad_value_is_refused_with_name_value_and_remedy() {
        let errors = [
            query("flag=yes").get(&FLAG).unwrap_err(),
            query("flag=True").get(&FLAG).unwrap_err(),
            query("limit=251").get(&LIMIT).unwrap_err(),
            query("limit=-1").get(&LIMIT).unwrap_err(),
            query("status=5").get(&STATUS).unwrap_err(),
            query("status_code_class=201").get(&CLASS).unwrap_err(),
            query("before=soon").get(&BEFORE).unwrap_err(),
            query("order=up").get(&ORDER).unwrap_err(),
            query("bucket=week").get(&BUCKET).unwrap_err(),
        ];
        for error in errors {
            let fault = &error.faults()[0];
            assert_eq!(fault.loc[0], "query");
            assert!(fault.msg.contains("is not allowed: give "), "{fault:?}");
        }
    }

    #[test]
    fn absent_parameters_are_what_they_are_declared_to_be_then() {
        let query = query("what=ever&&=&x&q=");
        assert_eq!(query.get(&LIMIT).unwrap(), 50);
        assert_eq!(
            (query.get(&FLAG).unwrap(), query.get(&ON).unwrap()),
            (false, true)
        );
        assert_eq!(query.get(&STATUS).unwrap(), None);
        assert_eq!(query.get(&ORDER).unwrap(), Order::Descending);
        assert_eq!(query.get(&BUCKET).unwrap(), None);
        assert_eq!(query.get(&Q).unwrap(), None);
    }

    #[test]
    fn the_last_of_several_counts() {
        let query = query("q=a&bucket=hour&q=b&bucket=day&status=4");
        assert_eq!(query.get(&Q).unwrap().as_deref(), Some("b"));
        assert_eq!(query.get(&BUCKET).unwrap(), Some("day"));
        assert_eq!(query.get(&STATUS).unwrap(), Some(AttemptStatus::Canceled));
    }
}
