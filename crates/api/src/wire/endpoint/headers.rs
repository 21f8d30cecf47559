//! Custom headers of endpoints on the wire.

use std::collections::BTreeMap;

use postrider_domain::names::headers::{check_header_name, check_headers};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiResult, InField};

/// Headers of which only the name is shown, in lower case.
const SENSITIVE: &[&str] = &[
    "authorization",
    "cookie",
    "www-authenticate",
    "x-api-key",
    "x-auth-token",
    "x-csrf-token",
];

/// Checks all custom headers of an endpoint.
pub(crate) fn checked_headers(
    headers: BTreeMap<String, String>,
) -> ApiResult<BTreeMap<String, String>> {
    check_headers(
        headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    )
    .in_field("headers")?;
    Ok(headers)
}

/// Custom headers, all of them.
#[derive(Deserialize, ToSchema)]
pub(crate) struct HeadersIn {
    /// Values by name.
    pub headers: BTreeMap<String, String>,
}

/// Custom headers to set or, with null, to remove; others stay.
#[derive(Clone, Deserialize, ToSchema)]
pub(crate) struct HeadersPatch {
    /// Values by name.
    pub headers: BTreeMap<String, Option<String>>,
    /// Names to remove, as null in `headers` does.
    #[serde(rename = "deleteHeaders")]
    pub delete_headers: Option<Vec<String>>,
}

impl HeadersPatch {
    /// The headers as they are to be. Names are compared without case.
    pub(crate) fn applied_to(
        self,
        mut headers: BTreeMap<String, String>,
    ) -> ApiResult<BTreeMap<String, String>> {
        let removed = self.delete_headers.unwrap_or_default();
        let removed = removed.into_iter().map(|name| (name, None));
        for (name, value) in removed.chain(self.headers) {
            check_header_name(&name).in_field("headers")?;
            headers.retain(|old, _| !old.eq_ignore_ascii_case(&name));
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        checked_headers(headers)
    }
}

/// Custom headers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HeadersOut {
    /// Values by name.
    pub headers: BTreeMap<String, String>,
    /// The names of those whose values are not shown.
    pub sensitive: Vec<String>,
}

impl From<BTreeMap<String, String>> for HeadersOut {
    fn from(headers: BTreeMap<String, String>) -> Self {
        let (hidden, headers): (BTreeMap<_, _>, _) = headers
            .into_iter()
            .partition(|(name, _)| SENSITIVE.contains(&name.to_ascii_lowercase().as_str()));
        Self {
            headers,
            sensitive: hidden.into_keys().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body;

    #[test]
    fn sensitive_headers_are_listed_by_name_only() {
        let headers = BTreeMap::from([
            ("X-Team".to_owned(), "a".to_owned()),
            ("Authorization".to_owned(), "Bearer s".to_owned()),
        ]);
        let out = HeadersOut::from(headers);
        assert_eq!(out.sensitive, ["Authorization"]);
        assert_eq!(out.headers.len(), 1);
    }

    #[test]
    fn headers_are_merged_without_regard_to_case() {
        let old = BTreeMap::from([
            ("X-A".to_owned(), "1".to_owned()),
            ("x-b".to_owned(), "2".to_owned()),
        ]);
        let patch: HeadersPatch = body::parse(br#"{"headers":{"x-a":"3","X-B":null}}"#).unwrap();
        let new = patch.applied_to(old).unwrap();
        assert_eq!(new, BTreeMap::from([("x-a".to_owned(), "3".to_owned())]));
        let patch: HeadersPatch =
            body::parse(br#"{"headers":{"x-c":"4"},"deleteHeaders":["X-A"]}"#).unwrap();
        let new = patch.applied_to(new).unwrap();
        assert_eq!(new, BTreeMap::from([("x-c".to_owned(), "4".to_owned())]));
    }
}
