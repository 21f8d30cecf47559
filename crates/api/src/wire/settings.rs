//! An organisation's settings on the wire.

use postrider_domain::org_settings::{
    check_theme_name, checked_color, checked_frame_ancestors, checked_logo_url,
};
use postrider_domain::{Invalid, OrgSettings, RetryPolicy, Theme, ThemeMode, names};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint::RetryPolicySchema;
use super::object::{self, Object};
use super::patch::Patch;
use crate::error::{ApiError, ApiResult, Fault, InField, VALUE_ERROR};

/// What an organisation decides for all its applications.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsOut {
    /// Whether publishing asks for an event type that exists and is not archived.
    pub strict_catalogue: bool,
    /// Whether payloads are checked against the JSON Schema of their event type.
    pub validate_payloads: bool,
    /// For how many days a payload is kept, unless the message says; null: as the installation has it.
    #[schema(required = true, minimum = 1, maximum = 90)]
    pub payload_retention_days: Option<u16>,
    /// Messages a second that each node accepts; null: no limit.
    #[schema(required = true, minimum = 1, maximum = 65535)]
    pub rate_limit: Option<u16>,
    /// When failed attempts are repeated, unless endpoint or event type say; null: as the installation has it.
    #[schema(value_type = Option<RetryPolicySchema>, required = true)]
    pub retry_policy: Option<RetryPolicy>,
    /// How the dashboard looks.
    pub theme: ThemeOut,
    /// Origins whose pages may frame the dashboard.
    pub frame_ancestors: Vec<String>,
}

/// How the dashboard looks.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThemeOut {
    /// The name at the top.
    #[schema(required = true)]
    pub name: Option<String>,
    /// Where the logo is.
    #[schema(required = true)]
    pub logo_url: Option<String>,
    /// The colour of buttons and links.
    #[schema(required = true)]
    pub primary_color: Option<String>,
    /// The colour behind everything.
    #[schema(required = true)]
    pub background_color: Option<String>,
    /// The colour of text.
    #[schema(required = true)]
    pub text_color: Option<String>,
    /// Which of its two faces it shows.
    #[schema(value_type = ThemeModeSchema)]
    pub mode: ThemeMode,
}

/// Which of its two faces the dashboard shows.
#[derive(ToSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described, never built")]
pub(crate) enum ThemeModeSchema {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
    /// As the reader's system has it.
    System,
}

impl From<&OrgSettings> for SettingsOut {
    fn from(settings: &OrgSettings) -> Self {
        let settings = settings.clone();
        let theme = settings.theme;
        Self {
            strict_catalogue: settings.strict_catalogue,
            validate_payloads: settings.validate_payloads,
            payload_retention_days: settings.payload_retention_days,
            rate_limit: settings.rate_limit,
            retry_policy: settings.retry_policy,
            theme: ThemeOut {
                name: theme.name,
                logo_url: theme.logo_url,
                primary_color: theme.primary_color,
                background_color: theme.background_color,
                text_color: theme.text_color,
                mode: theme.mode,
            },
            frame_ancestors: settings.frame_ancestors,
        }
    }
}

/// What to change of the settings; what is left out stays, null gives a field its default.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SettingsPatch {
    /// Whether publishing asks for an event type that exists and is not archived.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub strict_catalogue: Patch<bool>,
    /// Whether payloads are checked against the JSON Schema of their event type.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub validate_payloads: Patch<bool>,
    /// For how many days a payload is kept, unless the message says.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 90)]
    pub payload_retention_days: Patch<i64>,
    /// Messages a second that each node accepts.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 65535)]
    pub rate_limit: Patch<i64>,
    /// When failed attempts are repeated, unless endpoint or event type say.
    #[serde(default, deserialize_with = "object::patched")]
    #[schema(value_type = Option<RetryPolicySchema>)]
    pub retry_policy: Patch<RetryPolicy>,
    /// How the dashboard looks; what it leaves out stays.
    #[serde(default)]
    #[schema(value_type = Option<ThemePatch>)]
    pub theme: Patch<Object<ThemePatch>>,
    /// Origins whose pages may frame the dashboard, at most 20; replaces all of them.
    #[serde(default)]
    #[schema(value_type = Option<Vec<String>>)]
    pub frame_ancestors: Patch<Vec<String>>,
}

/// What to change of the theme.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ThemePatch {
    /// The name at the top, 1 to 100 bytes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub name: Patch<String>,
    /// Where the logo is: an https URL.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "https://example.com/logo.svg")]
    pub logo_url: Patch<String>,
    /// The colour of buttons and links.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "#1a2b3c")]
    pub primary_color: Patch<String>,
    /// The colour behind everything.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub background_color: Patch<String>,
    /// The colour of text.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub text_color: Patch<String>,
    /// Which of its two faces it shows: `system` if absent.
    #[serde(default)]
    #[schema(value_type = Option<ThemeModeSchema>)]
    pub mode: Patch<ThemeMode>,
}

/// A checked change, to be made of whatever the settings then are.
#[derive(Debug)]
pub(crate) struct SettingsChange(SettingsPatch);

impl SettingsPatch {
    /// Checks every value.
    pub(crate) fn checked(mut self) -> ApiResult<SettingsChange> {
        if let Patch::Value(days) = self.payload_retention_days {
            names::check_retention_days(days).in_field("payloadRetentionDays")?;
        }
        if let Patch::Value(rate) = self.rate_limit {
            names::check_rate_limit(rate).in_field("rateLimit")?;
        }
        if let Patch::Value(origins) = &mut self.frame_ancestors {
            *origins = checked_frame_ancestors(origins).in_field("frameAncestors")?;
        }
        if let Patch::Value(theme) = &mut self.theme {
            theme.0.check()?;
        }
        Ok(SettingsChange(self))
    }
}

impl ThemePatch {
    fn check(&mut self) -> ApiResult<()> {
        if let Patch::Value(name) = &self.name {
            in_theme("name", check_theme_name(name))?;
        }
        if let Patch::Value(url) = &mut self.logo_url {
            *url = in_theme("logoUrl", checked_logo_url(url))?;
        }
        for (field, color) in [
            ("primaryColor", &mut self.primary_color),
            ("backgroundColor", &mut self.background_color),
            ("textColor", &mut self.text_color),
        ] {
            if let Patch::Value(color) = color {
                *color = in_theme(field, checked_color(color))?;
            }
        }
        Ok(())
    }

    fn apply(self, theme: &mut Theme) {
        set(&mut theme.name, self.name);
        set(&mut theme.logo_url, self.logo_url);
        set(&mut theme.primary_color, self.primary_color);
        set(&mut theme.background_color, self.background_color);
        set(&mut theme.text_color, self.text_color);
        set_plain(&mut theme.mode, self.mode);
    }
}

impl SettingsChange {
    /// Makes it.
    pub(crate) fn apply(self, settings: &mut OrgSettings) {
        let patch = self.0;
        set_plain(&mut settings.strict_catalogue, patch.strict_catalogue);
        set_plain(&mut settings.validate_payloads, patch.validate_payloads);
        set(
            &mut settings.payload_retention_days,
            number(patch.payload_retention_days),
        );
        set(&mut settings.rate_limit, number(patch.rate_limit));
        set(&mut settings.retry_policy, patch.retry_policy);
        match patch.theme {
            Patch::Absent => {}
            Patch::Null => settings.theme = Theme::default(),
            Patch::Value(theme) => theme.0.apply(&mut settings.theme),
        }
        set_plain(&mut settings.frame_ancestors, patch.frame_ancestors);
    }
}

fn in_theme<T>(field: &str, checked: Result<T, Invalid>) -> ApiResult<T> {
    checked.map_err(|invalid| {
        let loc = ["body", "theme", field];
        ApiError::invalid(vec![Fault::new(&loc, invalid.msg, VALUE_ERROR)])
    })
}

/// A number that has been checked to fit.
fn number(patch: Patch<i64>) -> Patch<u16> {
    match patch {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(value) => u16::try_from(value).map_or(Patch::Absent, Patch::Value),
    }
}

fn set<T>(field: &mut Option<T>, patch: Patch<T>) {
    if let Some(said) = patch.said() {
        *field = said;
    }
}

fn set_plain<T: Default>(field: &mut T, patch: Patch<T>) {
    if let Some(said) = patch.said() {
        // Null gives the default, as the schema says.
        *field = said.unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::body;

    fn changed(settings: &mut OrgSettings, text: &str) -> ApiResult<()> {
        let patch: SettingsPatch = body::parse(text.as_bytes())?;
        patch.checked()?.apply(settings);
        Ok(())
    }

    #[test]
    fn what_is_left_out_stays_and_null_gives_the_default() {
        let mut settings = OrgSettings::default();
        let first = r##"{"strictCatalogue":true,"rateLimit":5,"theme":{"name":"A","primaryColor":"#ABCDEF"}}"##;
        changed(&mut settings, first).unwrap();
        changed(
            &mut settings,
            r#"{"rateLimit":null,"theme":{"name":null,"mode":"dark"}}"#,
        )
        .unwrap();
        assert!(settings.strict_catalogue);
        assert_eq!(settings.rate_limit, None);
        assert_eq!(settings.theme.name, None);
        assert_eq!(settings.theme.mode, ThemeMode::Dark);
        assert_eq!(settings.theme.primary_color.as_deref(), Some("#abcdef"));
        changed(&mut settings, r#"{"strictCatalogue":null,"theme":null}"#).unwrap();
        assert_eq!(settings, OrgSettings::default());
    }

    #[test]
    fn a_wrong_value_names_its_field_and_changes_nothing() {
        for (text, place) in [
            (r#"{"rateLimit":0}"#, &["body", "rateLimit"][..]),
            (
                r#"{"payloadRetentionDays":91}"#,
                &["body", "payloadRetentionDays"],
            ),
            (
                r#"{"retryPolicy":{"type":"never"}}"#,
                &["body", "retryPolicy"],
            ),
            (r#"{"frameAncestors":["*"]}"#, &["body", "frameAncestors"]),
            (
                r#"{"theme":{"logoUrl":"x"}}"#,
                &["body", "theme", "logoUrl"],
            ),
            (r#"{"theme":{"mode":"blue"}}"#, &["body", "theme", "mode"]),
            (
                r#"{"theme":{"textColor":"red"}}"#,
                &["body", "theme", "textColor"],
            ),
        ] {
            let mut settings = OrgSettings::default();
            let error = changed(&mut settings, text).unwrap_err();
            assert_eq!(error.faults()[0].loc[..place.len()], *place, "{text}");
            assert_eq!(settings, OrgSettings::default());
        }
    }
}
