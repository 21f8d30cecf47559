//! Statements with the values that are bound to them. Those whose text depends on the request
//! (filters, cursors, lists) are put together here.
//!
//! The text never holds a value of the request; every value is bound.

use std::borrow::Cow;

use sqlx::{Arguments, AssertSqlSafe, Encode, Type};
use uuid::Uuid;

/// A value to bind, or NULL of its kind.
#[derive(Clone, Debug)]
pub(crate) enum Arg {
    Uuid(Option<Uuid>),
    Bool(Option<bool>),
    Small(Option<i16>),
    Whole(Option<i32>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// Values that can be bound, and so can NULL in their place.
macro_rules! args {
    ($($from:ty, $kind:ident, $owned:ident;)+) => {$(
        impl From<$from> for Arg {
            fn from(value: $from) -> Self {
                Self::$kind(Some(value.$owned()))
            }
        }

        impl From<Option<$from>> for Arg {
            fn from(value: Option<$from>) -> Self {
                Self::$kind(value.map(|value| value.$owned()))
            }
        }
    )+};
}

args! {
    Uuid, Uuid, into;
    bool, Bool, into;
    i16, Small, into;
    i32, Whole, into;
    i64, Int, into;
    String, Text, into;
    &String, Text, clone;
    &str, Text, to_owned;
    Vec<u8>, Bytes, into;
    &Vec<u8>, Bytes, clone;
    &[u8], Bytes, to_vec;
}

impl From<&Option<String>> for Arg {
    fn from(value: &Option<String>) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&Option<Vec<u8>>> for Arg {
    fn from(value: &Option<Vec<u8>>) -> Self {
        Self::Bytes(value.clone())
    }
}

/// A column of a table, and what is written to it.
pub(crate) type Column = (&'static str, Arg);

/// A statement.
#[derive(Clone, Debug)]
pub(crate) struct Sql {
    text: Cow<'static, str>,
    args: Vec<Arg>,
}

impl Sql {
    /// Begins with `text`, or is all of it: then its values follow by [`Sql::with`].
    pub(crate) fn new(text: &'static str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            args: Vec::new(),
        }
    }

    /// Binds the value of the next `$n` that stands in the text.
    pub(crate) fn with(mut self, arg: impl Into<Arg>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// The text, and the values as a driver takes them.
    pub(super) fn bound<'q, A>(&'q self) -> Result<(AssertSqlSafe<String>, A), sqlx::Error>
    where
        A: Arguments + Default,
        Option<Uuid>: Encode<'q, A::Database> + Type<A::Database>,
        Option<bool>: Encode<'q, A::Database> + Type<A::Database>,
        Option<i16>: Encode<'q, A::Database> + Type<A::Database>,
        Option<i32>: Encode<'q, A::Database> + Type<A::Database>,
        Option<i64>: Encode<'q, A::Database> + Type<A::Database>,
        Option<&'q str>: Encode<'q, A::Database> + Type<A::Database>,
        Option<&'q [u8]>: Encode<'q, A::Database> + Type<A::Database>,
    {
        let mut bound = A::default();
        for arg in &self.args {
            match arg {
                Arg::Uuid(value) => bound.add(*value),
                Arg::Bool(value) => bound.add(*value),
                Arg::Small(value) => bound.add(*value),
                Arg::Whole(value) => bound.add(*value),
                Arg::Int(value) => bound.add(*value),
                Arg::Text(value) => bound.add(value.as_deref()),
                Arg::Bytes(value) => bound.add(value.as_deref()),
            }
            .map_err(sqlx::Error::Encode)?;
        }
        Ok((AssertSqlSafe(self.text.clone().into_owned()), bound))
    }

    /// Adds text of our own.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.to_mut().push_str(text);
        self
    }

    /// Adds a bound value.
    pub(crate) fn bind(&mut self, arg: impl Into<Arg>) -> &mut Self {
        self.args.push(arg.into());
        let number = self.args.len().to_string();
        self.text.to_mut().push('$');
        self.text.to_mut().push_str(&number);
        self
    }

    /// Adds ` (COLUMN, ...) values (...)`: a new row.
    pub(crate) fn row(&mut self, columns: Vec<Column>) -> &mut Self {
        for (index, (column, _)) in columns.iter().enumerate() {
            self.push(if index == 0 { " (" } else { ", " }).push(column);
        }
        self.push(") values ");
        for (index, (_, value)) in columns.into_iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(value);
        }
        self.push(")")
    }

    /// Adds ` set COLUMN = ..., ...`: what a row is to hold.
    pub(crate) fn assignments(&mut self, columns: Vec<Column>) -> &mut Self {
        for (index, (column, value)) in columns.into_iter().enumerate() {
            self.push(if index == 0 { " set " } else { ", " });
            self.push(column).push(" = ").bind(value);
        }
        self
    }

    /// Adds `and COLUMN in (...)`, unless `values` is empty.
    pub(crate) fn and_in(&mut self, column: &str, values: &[String]) -> &mut Self {
        for (index, value) in values.iter().enumerate() {
            if index == 0 {
                self.push(" and ").push(column).push(" in (");
            } else {
                self.push(", ");
            }
            self.bind(value.as_str());
        }
        if !values.is_empty() {
            self.push(")");
        }
        self
    }

    /// Adds ` and COLUMN in (...)`, a list of ids that is not empty.
    pub(crate) fn and_ids(&mut self, column: &str, ids: &[Uuid]) -> &mut Self {
        self.push(" and ").push(column).push(" in ");
        for (index, id) in ids.iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(*id);
        }
        self.push(")")
    }

    /// Adds `(...)`, a list of bound keys.
    pub(crate) fn keys(&mut self, keys: &[&[u8]]) -> &mut Self {
        for (index, key) in keys.iter().enumerate() {
            self.push(if index == 0 { "(" } else { ", " }).bind(*key);
        }
        self.push(")")
    }

    /// The text alone.
    #[cfg(test)]
    pub(super) fn text(&self) -> sqlx::SqlStr {
        sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(self.text.clone().into_owned()))
    }

    /// The same with `text` before it.
    #[cfg(test)]
    pub(crate) fn behind(mut self, text: &str) -> Self {
        self.text.to_mut().insert_str(0, text);
        self
    }
}

/// The statements of a module that have names: what both engines take, and what one does.
#[cfg(test)]
#[derive(Clone, Copy)]
pub(crate) struct Statements {
    pub(crate) both: &'static [&'static str],
    pub(crate) sqlite: &'static [&'static str],
    pub(crate) postgres: &'static [&'static str],
}

#[cfg(test)]
impl Statements {
    pub(crate) const NONE: Self = Self {
        both: &[],
        sqlite: &[],
        postgres: &[],
    };
}
