//! Pages of lists on the wire: `limit`, `iterator` and `order` in, a page out.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use postrider_domain::Timestamp;
use postrider_store::{Cursor, Found, Order, Page, PageRequest};
use serde::Serialize;
use utoipa::ToSchema;

use super::param::Param;
use super::query::Query;
use crate::error::{ApiError, ApiResult};

/// How many rows a page has, unless asked.
const DEFAULT_LIMIT: u16 = 50;
/// How many rows a page has at most.
const MAX_LIMIT: u16 = 250;
/// How far back lists of messages and attempts look, unless asked.
pub(crate) const WINDOW: Duration = Duration::from_hours(90 * 24);

/// How far an iterator may lie ahead: clocks of nodes differ.
const CLOCKS: Duration = Duration::from_hours(1);

pub(crate) const LIMIT: Param<u16> = Param::number(
    "limit",
    (0, MAX_LIMIT),
    DEFAULT_LIMIT,
    "How many rows to return at most",
);
pub(crate) const ITERATOR: Param<Option<String>> = Param::text(
    "iterator",
    "Where to go on: `iterator` (or, to go back, `prevIterator`) of another page",
);
/// `order` of lists that begin with the newest.
pub(crate) const ORDER: Param<Order> =
    Param::order("order", Order::Descending, "The order of the list");
/// `order` of lists that begin with the first.
pub(crate) const ORDER_ASCENDING: Param<Order> =
    Param::order("order", Order::Ascending, "The order of the list");
pub(crate) const BEFORE: Param<Option<Timestamp>> =
    Param::time("before", "Only what was made before this time");
pub(crate) const AFTER: Param<Option<Timestamp>> = Param::time(
    "after",
    "Only what was made after this time. Without `before` and `iterator` the page begins here and `prevIterator` leads on; what is younger than 2 seconds (attempts: 32) is then left out until it is older, so that nothing is passed over that is still being written. Without either, lists reach back 90 days",
);

/// Sort keys that a page can be asked from.
pub(crate) trait Key: FromStr + Clone {
    /// When the row of this key was made.
    fn made_at(&self) -> Timestamp;
    /// The first key of this time.
    fn floor(time: Timestamp) -> Self;
}

macro_rules! keys {
    ($($id:ident),*) => {$(
        impl Key for postrider_domain::$id {
            fn made_at(&self) -> Timestamp {
                self.minted_at()
            }

            fn floor(time: Timestamp) -> Self {
                Self::floor(time)
            }
        }
    )*};
}
keys!(AppId, EndpointId, MessageId, AttemptId);

/// Reads `limit`, `iterator` and, where the list honours it, `order`.
pub(crate) fn request<K: FromStr>(query: &Query, order: Order) -> ApiResult<PageRequest<K>> {
    Ok(PageRequest {
        limit: query.get(&LIMIT)?,
        order,
        cursor: cursor(query)?,
    })
}

fn cursor<K: FromStr>(query: &Query) -> ApiResult<Option<Cursor<K>>> {
    let Some(text) = query.get(&ITERATOR)? else {
        return Ok(None);
    };
    let (key, back) = match text.strip_prefix('-') {
        Some(key) => (key, true),
        None => (text.as_str(), false),
    };
    let key = key.parse().map_err(|_| {
        let shown: String = text.chars().take(100).collect();
        ApiError::invalid_query(
            "iterator",
            format!("{shown:?} is no iterator of this list: give the iterator or prevIterator of a page of it, or none"),
        )
    })?;
    Ok(Some(if back {
        Cursor::Before(key)
    } else {
        Cursor::After(key)
    }))
}

/// A page of a list in time, newest first, and the window that it is cut from.
#[derive(Debug)]
pub(crate) struct InTime<K> {
    pub page: PageRequest<K>,
    /// Rows before this time only.
    pub before: Option<Timestamp>,
    /// Rows from this time on only.
    pub after: Option<Timestamp>,
}

/// Reads `limit`, `iterator`, `before` and `after`.
pub(crate) fn in_time<K: Key>(query: &Query, now: Timestamp) -> ApiResult<InTime<K>> {
    let mut page = request::<K>(query, Order::Descending)?;
    let before = query.get(&BEFORE)?;
    let mut after = query.get(&AFTER)?;
    match (&page.cursor, before, after) {
        (None, None, Some(after)) => page.cursor = Some(Cursor::Before(K::floor(after))),
        (cursor, None, None) => {
            let from = match cursor {
                Some(Cursor::After(key)) => key.made_at().min(now.plus(CLOCKS)),
                _ => now,
            };
            // Going back from a page, its own window is the one to keep.
            if !matches!(cursor, Some(Cursor::Before(_))) {
                after = Some(from.minus(WINDOW));
            }
        }
        _ => {}
    }
    Ok(InTime {
        page,
        before,
        after,
    })
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListOut<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where the next page goes on: the last row's; null if there is no row. Set even when `done`.
    #[schema(required = true)]
    pub iterator: Option<String>,
    /// Where the page before ends: the first row's; absent if there is no row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_iterator: Option<String>,
    /// Whether nothing follows in the direction of travel.
    pub done: bool,
}

impl<T> ListOut<T> {
    /// The page on the wire; `key` gives a row's iterator.
    pub(crate) fn new<R>(
        page: Page<R>,
        key: impl Fn(&R) -> String,
        out: impl FnMut(R) -> T,
    ) -> Self {
        Self {
            iterator: page.rows.last().map(&key),
            prev_iterator: page.rows.first().map(|row| format!("-{}", key(row))),
            done: page.done,
            data: page.rows.into_iter().map(out).collect(),
        }
    }
}

impl<T> ListOut<T> {
    /// What a bounded look found. What was looked at in vain is not looked at again, in
    /// either direction.
    pub(crate) fn found<R, K: Display>(
        found: Found<R, K>,
        key: impl Fn(&R) -> String,
        out: impl FnMut(R) -> T,
    ) -> Self {
        let mut list = Self::new(found.page, key, out);
        match found.reached {
            Some(reached) if found.backwards => list.prev_iterator = Some(format!("-{reached}")),
            Some(reached) => list.iterator = Some(reached.to_string()),
            None => {}
        }
        list
    }
}

impl<T> ListOut<Option<T>> {
    /// The page without rows that the caller may not see; its iterators stay.
    pub(crate) fn flattened(self) -> ListOut<T> {
        ListOut {
            data: self.data.into_iter().flatten().collect(),
            iterator: self.iterator,
            prev_iterator: self.prev_iterator,
            done: self.done,
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::MessageId;

    use super::*;
    use crate::request::param::Parameter;

    const PARAMS: &[&dyn Parameter] = &[&LIMIT, &ITERATOR, &ORDER, &BEFORE, &AFTER];
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn in_time_of(raw: &str) -> ApiResult<InTime<MessageId>> {
        in_time(&Query::parse(Some(raw), PARAMS)?, NOW)
    }

    #[test]
    fn without_times_a_list_reaches_back_90_days() {
        let asked = in_time_of("").unwrap();
        assert_eq!(asked.after, Some(NOW.minus(WINDOW)));
        assert_eq!(asked.page.limit, 50);
        let key = MessageId::floor(Timestamp::from_seconds(1_700_000_000));
        let asked = in_time_of(&format!("iterator={key}")).unwrap();
        assert_eq!(
            asked.after,
            Some(Timestamp::from_seconds(1_700_000_000).minus(WINDOW))
        );
        assert_eq!(asked.page.cursor, Some(Cursor::After(key)));
    }

    #[test]
    fn after_alone_begins_the_page_there() {
        let asked = in_time_of("after=2026-01-31T12:00:00Z").unwrap();
        let from = Timestamp::from_seconds(1_769_860_800);
        assert_eq!(
            asked.page.cursor,
            Some(Cursor::Before(MessageId::floor(from)))
        );
        assert_eq!(asked.page.order, Order::Descending);
    }

    #[test]
    fn a_minus_before_the_iterator_goes_back() {
        let key = MessageId::floor(NOW);
        let asked = in_time_of(&format!("iterator=-{key}&before=2027-01-01T00:00:00")).unwrap();
        assert_eq!(asked.page.cursor, Some(Cursor::Before(key)));
    }

    #[test]
    fn an_iterator_of_another_list_is_refused() {
        for raw in [
            "iterator=ep_0000000000000000000000",
            "iterator=-",
            "iterator=%00",
            "limit=251",
        ] {
            assert!(in_time_of(raw).is_err(), "{raw}");
        }
        assert!(in_time_of("limit=0").is_ok());
    }

    #[test]
    fn a_page_names_its_first_and_last_row_even_when_done() {
        let page = Page {
            rows: vec!["a", "b"],
            done: true,
        };
        let out = ListOut::new(page, ToString::to_string, str::len);
        assert_eq!(
            serde_json::to_value(&out).unwrap(),
            serde_json::json!({"data": [1, 1], "iterator": "b", "prevIterator": "-a", "done": true})
        );
        let out = ListOut::new(
            Page::<String> {
                rows: vec![],
                done: true,
            },
            String::clone,
            |row| row,
        );
        assert_eq!(
            serde_json::to_value(&out).unwrap(),
            serde_json::json!({"data": [], "iterator": null, "done": true})
        );
    }
}
