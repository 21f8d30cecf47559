//! A request's query, read by the parameters that its operation declares.

use super::param::{Param, Parameter};
use crate::error::{ApiError, ApiResult};

/// What stands behind the `?`. What the operation does not declare is ignored.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    declared: &'static [&'static dyn Parameter],
}

impl Query {
    /// Reads a raw query. Bytes that are no UTF-8 once decoded are refused.
    pub(crate) fn parse(
        raw: Option<&str>,
        declared: &'static [&'static dyn Parameter],
    ) -> ApiResult<Self> {
        let mut pairs = Vec::new();
        for pair in raw
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| not_text("a name"))?;
            let value = decode(value).ok_or_else(|| not_text(&format!("the value of {name:?}")))?;
            pairs.push((name, value));
        }
        Ok(Self { pairs, declared })
    }

    /// What it says of a parameter that the operation declares.
    ///
    /// # Errors
    /// A value that the parameter may not have.
    pub(crate) fn get<T>(&self, param: &Param<T>) -> ApiResult<T> {
        let name = param.name();
        debug_assert!(
            self.declared.iter().any(|declared| declared.name() == name),
            "{name} is not declared by the operation"
        );
        param.read(self)
    }

    /// The last value of this name.
    pub(super) fn last(&self, name: &str) -> Option<&str> {
        let mut pairs = self.pairs.iter().rev();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// All the items of the list of this name, however it is written.
    pub(super) fn items(&self, name: &str) -> Vec<String> {
        self.pairs
            .iter()
            .filter(|(key, _)| is_item(key, name))
            .flat_map(|(_, value)| value.split(','))
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// Whether `key` is `name`, `name[]` or `name[<digits>]`.
fn is_item(key: &str, name: &str) -> bool {
    let Some(rest) = key.strip_prefix(name) else {
        return false;
    };
    rest.is_empty()
        || rest
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

fn not_text(what: &str) -> ApiError {
    ApiError::invalid(vec![crate::error::Fault::new(
        &["query"],
        format!(
            "{what} is not UTF-8 once percent-decoded, or holds a NUL: encode plain text as UTF-8"
        ),
        crate::error::VALUE_ERROR,
    )])
}

/// Undoes the encoding of a form: `+` for a space, `%xx` for a byte. A `%` that no
/// two digits follow stands for itself, as browsers have it (WHATWG URL, "percent-decode").
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .ok()?;
    // PostgreSQL's text knows no NUL, nor does any name of ours.
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_is_undone_once_and_must_give_text() {
        assert_eq!(decode("a%20b+c%25%zz%").as_deref(), Some("a b c%%zz%"));
        assert_eq!(decode("%ff"), None);
        assert_eq!(decode("a%00"), None);
        assert!(Query::parse(Some("x=%ff"), &[]).is_err());
    }
}
