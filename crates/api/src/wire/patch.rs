//! A field of a partial update: left out, null, or a value.

use serde::{Deserialize, Deserializer};

/// What an update says about a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Patch<T> {
    /// Nothing: it stays.
    #[default]
    Absent,
    /// It is to have no value.
    Null,
    /// It is to have this value.
    Value(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Null, Self::Value))
    }
}

impl<T> Patch<T> {
    /// This one, or `other` if this says nothing.
    pub(crate) fn or(self, other: Self) -> Self {
        match self {
            Self::Absent => other,
            said => said,
        }
    }

    /// The value that the field then has, if the update says anything about it.
    #[expect(
        clippy::option_option,
        reason = "`if let Some(value)` then reads as what it does"
    )]
    pub(crate) fn said(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct In {
        #[serde(default)]
        field: Patch<u8>,
    }

    #[test]
    fn absent_null_and_a_value_are_told_apart() {
        for (body, said) in [
            ("{}", Patch::Absent),
            (r#"{"field":null}"#, Patch::Null),
            (r#"{"field":1}"#, Patch::Value(1)),
        ] {
            let read: In = serde_json::from_str(body).unwrap();
            assert_eq!(read.field, said);
        }
        assert_eq!(Patch::Absent.or(Patch::Value(2)), Patch::Value(2));
        assert_eq!(Patch::Null.or(Patch::Value(2)), Patch::Null);
    }
}
