//! Reading columns strictly: a row that holds what we never write is an error that
//! names table, column and id.

use std::fmt::Display;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::error::{StoreError, StoreResult};

pub(crate) fn corrupt(table: &'static str, column: &'static str, id: impl Display) -> StoreError {
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
        .map(|value| u16::try_from(value).map_err(|_| corrupt(table, "throttle_rate", id)))
        .transpose()
}

/// A column that holds the number of one of a closed list of values.
pub(crate) fn code<T: TryFrom<i16>>(
    table: &'static str,
    column: &'static str,
    id: impl Display,
    value: i16,
) -> StoreResult<T> {
    T::try_from(value).map_err(|_| corrupt(table, column, id))
}

/// A column that holds JSON, or nothing.
pub(crate) fn json<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    id: impl Display,
    value: Option<&str>,
) -> StoreResult<Option<T>> {
    value
        .map(|value| serde_json::from_str(value).map_err(|_| corrupt(table, column, id)))
        .transpose()
}

/// The JSON text of what a column keeps as JSON.
pub(crate) fn to_json<T: Serialize + ?Sized>(
    table: &'static str,
    column: &'static str,
    id: impl Display,
    value: &T,
) -> StoreResult<String> {
    serde_json::to_string(value).map_err(|_| corrupt(table, column, id))
}
