//! Pages of lists: one request, both directions, and what the wire needs to go on.

use crate::engine::error::StoreResult;
use crate::engine::sql::{Arg, Sql};

/// Which way a list runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest id first.
    Ascending,
    /// Largest id first.
    Descending,
}

/// From where a page goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cursor<K> {
    /// The rows after this one, in the list's order.
    After(K),
    /// The rows before this one, in the list's order.
    Before(K),
}

/// A request for one page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// At most so many rows.
    pub limit: u16,
    /// The list's order, which the rows keep in either direction of travel.
    pub order: Order,
    /// Where to go on from; the beginning if absent.
    pub cursor: Option<Cursor<K>>,
}

/// One page, in the list's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Whether nothing follows in the direction of travel.
    pub done: bool,
}

/// What a bounded look found: a page that may be short although more follow.
#[derive(Clone, Debug)]
pub struct Found<T, K> {
    /// The rows.
    pub page: Page<T>,
    /// The last row that was looked at, if that is beyond the last one found.
    pub reached: Option<K>,
    /// Whether the look went against the list's order.
    pub backwards: bool,
}

impl<K: Clone> PageRequest<K> {
    /// Whether the statement must run from large to small.
    pub(crate) fn sql_descending(&self) -> bool {
        (self.order == Order::Descending) != matches!(self.cursor, Some(Cursor::Before(_)))
    }

    /// The key to go on from, which is not part of the page.
    pub(crate) fn bound(&self) -> Option<K> {
        match &self.cursor {
            Some(Cursor::After(key) | Cursor::Before(key)) => Some(key.clone()),
            None => None,
        }
    }

    /// One row more than asked for tells whether more follow.
    pub(crate) fn fetch(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Makes a page of the rows that the statement gave.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "ends a chain of results in every caller"
    )]
    pub(crate) fn finish<T>(&self, mut rows: Vec<T>) -> StoreResult<Page<T>> {
        let limit = usize::from(self.limit);
        let done = rows.len() <= limit;
        rows.truncate(limit);
        if matches!(self.cursor, Some(Cursor::Before(_))) {
            rows.reverse();
        }
        Ok(Page { rows, done })
    }

    /// Makes of the rows that the statement gave what a look found that passed nothing
    /// beyond `bound`; all there is, if there is no bound.
    pub(crate) fn found<T>(&self, rows: Vec<T>, bound: Option<K>) -> StoreResult<Found<T, K>> {
        let mut page = self.finish(rows)?;
        let more = bound.is_some();
        let reached = bound.filter(|_| page.done);
        page.done &= !more;
        Ok(Found {
            page,
            reached,
            backwards: matches!(self.cursor, Some(Cursor::Before(_))),
        })
    }
}

/// How a page is cut in SQL.
impl Sql {
    /// Adds the cursor's condition on `key`.
    pub(crate) fn cursor<K: Clone>(
        &mut self,
        key: &str,
        page: &PageRequest<K>,
        arg: impl Fn(K) -> Arg,
    ) -> &mut Self {
        if let Some(bound) = page.bound() {
            let sign = if page.sql_descending() { " < " } else { " > " };
            self.push(" and ").push(key).push(sign).bind(arg(bound));
        }
        self
    }

    /// Adds the cursor's condition on `key`, the order and the limit.
    pub(crate) fn page<K: Clone>(
        &mut self,
        key: &str,
        page: &PageRequest<K>,
        arg: impl Fn(K) -> Arg,
    ) -> &mut Self {
        self.cursor(key, page, arg)
            .order(key, page)
            .push(" limit ")
            .bind(page.fetch())
    }

    /// Adds the order in which the page's statement runs.
    pub(crate) fn order<K: Clone>(&mut self, key: &str, page: &PageRequest<K>) -> &mut Self {
        let direction = if page.sql_descending() { " desc" } else { "" };
        self.push(" order by ").push(key).push(direction)
    }

    /// Adds the condition that the page's statement goes no further than `last`.
    pub(crate) fn up_to<K: Clone>(
        &mut self,
        key: &str,
        page: &PageRequest<K>,
        last: impl Into<Arg>,
    ) -> &mut Self {
        let sign = if page.sql_descending() {
            " >= "
        } else {
            " <= "
        };
        self.push(" and ").push(key).push(sign).bind(last)
    }
}
