//! What an organisation decides for all its applications.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::invalid::shown;
use crate::{Invalid, RetryPolicy};

/// The most origins that may frame the dashboard.
pub const MAX_FRAME_ANCESTORS: usize = 20;
/// The most bytes of an origin or of a logo's URL.
const MAX_URL: usize = 2048;
/// The most bytes of a theme's name.
const MAX_THEME_NAME: usize = 100;

/// An organisation's settings as stored: what is absent is as the installation has it.
/// Reading one refuses fields that nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct OrgSettings {
    /// Whether publishing asks for an event type that exists and is not archived.
    pub strict_catalogue: bool,
    /// Whether payloads are checked against their event type's JSON Schema.
    pub validate_payloads: bool,
    /// For how many days a payload is kept, unless the message says: 1 to 90.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload_retention_days: Option<u16>,
    /// Messages a second that are accepted, on each node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<u16>,
    /// When failed attempts are repeated, unless endpoint or event type say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_policy: Option<RetryPolicy>,
    /// How the dashboard looks.
    pub theme: Theme,
    /// Origins whose pages may frame the dashboard.
    pub frame_ancestors: Vec<String>,
}

/// How the dashboard looks for an organisation's customers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Theme {
    /// The name at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where the logo is: https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
    /// The colour of buttons and links, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_color: Option<String>,
    /// The colour behind everything, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub background_color: Option<String>,
    /// The colour of text, `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_color: Option<String>,
    /// Light, dark, or as the reader's system has it.
    pub mode: ThemeMode,
}

/// Which of its two faces the dashboard shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeMode {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// As the reader's system has it.
    #[default]
    System,
}

/// Checks the name of a theme: 1 to 100 bytes, no control characters.
pub fn check_theme_name(name: &str) -> Result<(), Invalid> {
    if name.is_empty() || name.len() > MAX_THEME_NAME || name.chars().any(char::is_control) {
        return Err(Invalid::new(format!(
            "{} is not allowed: give 1 to {MAX_THEME_NAME} bytes without control characters",
            shown(name)
        )));
    }
    Ok(())
}

/// Checks a colour: `#rrggbb`. Returns it in lower case.
pub fn checked_color(color: &str) -> Result<String, Invalid> {
    let digits = color.strip_prefix('#').unwrap_or_default();
    if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(color.to_ascii_lowercase());
    }
    Err(Invalid::new(format!(
        "{} is no colour: give one such as \"#1a2b3c\"",
        shown(color)
    )))
}

/// Checks where a logo is: an https URL with a host and no credentials. Returns it as
/// URLs are normally written, in which nothing can end an attribute or a policy.
pub fn checked_logo_url(text: &str) -> Result<String, Invalid> {
    let refused = || {
        Invalid::new(format!(
            "{} is not allowed: give an https URL without user and password, such as \"https://example.com/logo.svg\"",
            shown(text)
        ))
    };
    let url = url::Url::parse(text).map_err(|_| refused())?;
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    let written = url.as_str();
    // The URL standard leaves these as they are.
    let harmless = !written.contains(['\'', '"', '<', '>', ';', ',', ' ', '\\']);
    if url.scheme() == "https" && url.has_host() && plain && harmless && written.len() <= MAX_URL {
        return Ok(written.to_owned());
    }
    Err(refused())
}

/// Checks who may frame the dashboard: at most 20 origins. Returns them as origins are
/// normally written, each once.
pub fn checked_frame_ancestors(origins: &[String]) -> Result<Vec<String>, Invalid> {
    if origins.len() > MAX_FRAME_ANCESTORS {
        return Err(Invalid::new(format!(
            "{} origins are too many: give at most {MAX_FRAME_ANCESTORS}",
            origins.len()
        )));
    }
    let mut checked = Vec::with_capacity(origins.len());
    for (at, text) in origins.iter().enumerate() {
        let origin = checked_origin(text).map_err(|invalid| invalid.of_item(at))?;
        if !checked.contains(&origin) {
            checked.push(origin);
        }
    }
    Ok(checked)
}

/// An origin and nothing more: scheme, host, port. No wildcards, since one would let
/// pages frame the dashboard that nobody has thought of; http for this machine alone.
fn checked_origin(text: &str) -> Result<String, Invalid> {
    let refused = || {
        Invalid::new(format!(
            "{} is no origin: give scheme, host and, if need be, port, such as \"https://app.example.com\"; http only for localhost",
            shown(text)
        ))
    };
    // What the parser would drop or rewrite is no origin: tabs, paths, credentials.
    let plain = text.len() <= MAX_URL
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte));
    let url = url::Url::parse(text).map_err(|_| refused())?;
    let local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && local);
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let (true, true, true, Some(host)) = (plain, scheme, bare, url.host_str()) else {
        return Err(refused());
    };
    let mut origin = format!("{}://{host}", url.scheme());
    if let Some(port) = url.port() {
        let _ = write!(origin, ":{port}");
    }
    Ok(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stored_is_the_defaults_and_unknown_fields_are_refused() {
        let empty: OrgSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(empty, OrgSettings::default());
        for bad in [
            r#"{"strictCatalog":true}"#,
            r#"{"theme":{"logo":"x"}}"#,
            r#"{"rateLimit":-1}"#,
        ] {
            assert!(serde_json::from_str::<OrgSettings>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_scheme_host_and_port_and_nothing_more() {
        for (given, kept) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://App.Example.com/", "https://app.example.com"),
            ("https://example.com:443", "https://example.com"),
            ("https://example.com:8443", "https://example.com:8443"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ] {
            assert_eq!(checked_origin(given).unwrap(), kept);
        }
        for bad in [
            "*",
            "https://*.example.com",
            "https://*",
            "http://example.com",
            "https://user@example.com",
            "https://example.com/path",
            "https://example.com?x=1",
            "https://example.com#x",
            "https://example.com;script-src *",
            "https://example.com\r\nx: y",
            "https://exa mple.com",
            "'self'",
            "data:",
            "https://",
            "example.com",
            "",
        ] {
            assert!(checked_origin(bad).is_err(), "{bad}");
        }
        let two = ["https://a.example", "https://A.example/"].map(str::to_owned);
        assert_eq!(
            checked_frame_ancestors(&two).unwrap(),
            ["https://a.example"]
        );
        let many = vec!["https://a.example".to_owned(); MAX_FRAME_ANCESTORS + 1];
        assert!(checked_frame_ancestors(&many).is_err());
    }

    #[test]
    fn colours_and_logos_cannot_leave_their_place_in_a_page() {
        assert_eq!(checked_color("#AaBb01").unwrap(), "#aabb01");
        for bad in [
            "red", "#fff", "#gggggg", "#12345", "#1234567", "", "#12345é",
        ] {
            assert!(checked_color(bad).is_err(), "{bad}");
        }
        let logo = "https://example.com/logo.svg?v=2";
        assert_eq!(checked_logo_url(logo).unwrap(), logo);
        for bad in [
            "http://example.com/logo.svg",
            "javascript:alert(1)",
            "data:image/svg+xml,x",
            "https://u:p@example.com/x",
            "https://example.com/a'b",
            "https://example.com/a;b",
            "logo.svg",
        ] {
            assert!(checked_logo_url(bad).is_err(), "{bad}");
        }
        assert!(check_theme_name("Acme").is_ok());
        for bad in ["", "a\nb", &"x".repeat(101)] {
            assert!(check_theme_name(bad).is_err(), "{bad}");
        }
    }
}
