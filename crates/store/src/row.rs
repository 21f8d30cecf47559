//! Reading columns strictly: a row that holds what we never write is an error that
//! names table, column and id.

use std::fmt::Display;

use crate::{StoreError, StoreResult};

pub(crate) fn bad(table: &'static str, column: &'static str, id: impl Display) -> StoreError {
    StoreError::BadRow {
        table,
        column,
        id: id.to_string(),
    }
}

/// A `throttle_rate` column.
pub(crate) fn rate(
    table: &'static str,
    id: impl Display,
    value: Option<i32>,
) -> StoreResult<Option<u16>> {
    value
        .map(|value| u16::try_from(value).map_err(|_| bad(table, "throttle_rate", id)))
        .transpose()
}
