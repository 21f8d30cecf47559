//! Sending again on the wire: windows of time, filters, and what a recovery would do.

use std::time::Duration;

use postrider_domain::{AttemptStatus, Timestamp, names};
use postrider_store::{Messages, Preview, Replayed, Window};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult, Fault, InField, VALUE_ERROR};
use crate::request::time;

/// The longest window of a recovery, with five minutes for clocks that differ.
pub(crate) const RECOVERY: Duration = Duration::from_mins(14 * 24 * 60 + 5);
/// The longest window of a replay: as far back as messages are kept.
pub(crate) const REPLAY: Duration = Duration::from_mins(90 * 24 * 60 + 5);
/// Event types that one replay names at most.
const EVENT_TYPES: usize = 250;

/// Which messages are sent again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoverIn {
    /// Messages accepted from then on.
    #[schema(format = DateTime)]
    pub since: String,
    /// Messages accepted before then; until now if absent.
    #[schema(format = DateTime)]
    pub until: Option<String>,
}

/// Which messages are sent again, whatever became of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BulkReplayIn {
    /// Messages accepted from then on.
    #[schema(format = DateTime)]
    pub since: String,
    /// Messages accepted before then; until now if absent.
    #[schema(format = DateTime)]
    pub until: Option<String>,
    /// Only messages of these event types, at most 250.
    pub event_types: Option<Vec<String>>,
    /// Only messages of this channel.
    pub channel: Option<String>,
    /// Only those that stand so with the endpoint: 0 success, 1 pending, 2 fail, 3 sending, 4 canceled.
    #[schema(minimum = 0, maximum = 4)]
    pub status: Option<i64>,
    /// Only those whose last attempt was answered with this class: 0 (not answered), 100, 200, ... 500.
    pub status_code_class: Option<i64>,
    #[schema(ignore)]
    tag: Option<IgnoredAny>,
}

impl RecoverIn {
    /// The window, at most `longest`.
    pub(crate) fn window(&self, now: Timestamp, longest: Duration) -> ApiResult<Window> {
        window(&self.since, self.until.as_deref(), now, longest)
    }
}

impl BulkReplayIn {
    /// The window, and what of it is sent again.
    pub(crate) fn checked(self, now: Timestamp) -> ApiResult<(Window, Replayed)> {
        let window = window(&self.since, self.until.as_deref(), now, REPLAY)?;
        if self.tag.is_some() {
            return Err(ApiError::invalid_field(
                "tag",
                "not supported yet: leave the field out",
            ));
        }
        let event_types = self.event_types.unwrap_or_default();
        if event_types.len() > EVENT_TYPES {
            return Err(ApiError::invalid_field(
                "eventTypes",
                format!(
                    "{} are too many: give at most {EVENT_TYPES}",
                    event_types.len()
                ),
            ));
        }
        names::check_event_types(&event_types).in_field("eventTypes")?;
        if let Some(channel) = &self.channel {
            names::check_channel(channel).in_field("channel")?;
        }
        let which = Replayed::Any {
            status: self.status.map(status).transpose()?,
            status_class: self.status_code_class.map(class).transpose()?,
            messages: Messages {
                event_types,
                channel: self.channel,
            },
        };
        Ok((window, which))
    }
}

fn status(code: i64) -> ApiResult<AttemptStatus> {
    i16::try_from(code)
        .ok()
        .and_then(|code| AttemptStatus::try_from(code).ok())
        .ok_or_else(|| {
            let remedy = "give 0 (success), 1 (pending), 2 (fail), 3 (sending) or 4 (canceled)";
            ApiError::invalid_field("status", format!("{code} is no status: {remedy}"))
        })
}

fn class(class: i64) -> ApiResult<u16> {
    u16::try_from(class)
        .ok()
        .filter(|class| [0, 100, 200, 300, 400, 500].contains(class))
        .ok_or_else(|| {
            let remedy = "give 0, 100, 200, 300, 400 or 500";
            ApiError::invalid_field(
                "statusCodeClass",
                format!("{class} is no class of status codes: {remedy}"),
            )
        })
}

fn window(
    since: &str,
    until: Option<&str>,
    now: Timestamp,
    longest: Duration,
) -> ApiResult<Window> {
    let since = read(since, "since")?;
    let until = until.map(|text| read(text, "until")).transpose()?;
    span("body", since, until, now, longest)
}

fn read(text: &str, field: &str) -> ApiResult<Timestamp> {
    time::parse(text).ok_or_else(|| {
        let shown: String = text.chars().take(100).collect();
        let remedy = "give one such as 2026-01-31T12:00:00Z";
        ApiError::invalid_field(field, format!("{shown:?} is no time: {remedy}"))
    })
}

/// The window from `since` until `until`, or now, which stand in this part of the request.
pub(crate) fn span(
    part: &str,
    since: Timestamp,
    until: Option<Timestamp>,
    now: Timestamp,
    longest: Duration,
) -> ApiResult<Window> {
    let refuse = |field: &str, msg: String| {
        ApiError::invalid(vec![Fault::new(&[part, field], msg, VALUE_ERROR)])
    };
    // What was accepted in this very millisecond is of the window too.
    let latest = now.plus(Duration::from_millis(1));
    let until = until.map_or(latest, |until| until.min(latest));
    let since = since.max(Timestamp::from_micros(0));
    if since >= until {
        let msg = "since is not before until, or in the future: give an earlier since";
        return Err(refuse("since", msg.to_owned()));
    }
    if until.since(since) > longest {
        let days = longest.as_secs() / 86_400;
        let msg = format!(
            "the window is longer than {days} days: give a later since, or an earlier until"
        );
        return Err(refuse("since", msg));
    }
    Ok(Window { since, until })
}

/// What sending a window again would send.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RecoverPreviewOut {
    /// How many messages would be sent.
    pub messages: u64,
    /// Of these, whose schedule has ended without success.
    pub failed: u64,
    /// Of these, what was stopped by a person or by the endpoint's being disabled.
    pub canceled: u64,
    /// Of these, what was published while the endpoint was disabled.
    pub skipped: u64,
    /// What would not be sent, since its payload is gone.
    pub unrecoverable: u64,
    /// Whether the whole window was counted: at most 50,000 messages are looked through.
    pub complete: bool,
    /// Up to when it was counted, if not to its end.
    #[schema(value_type = Option<String>, format = DateTime, required = true)]
    pub counted_until: Option<Timestamp>,
}

impl From<Preview> for RecoverPreviewOut {
    fn from(preview: Preview) -> Self {
        Self {
            messages: preview.messages,
            failed: preview.failed,
            canceled: preview.canceled,
            skipped: preview.skipped,
            unrecoverable: preview.lost,
            complete: preview.counted_until.is_none(),
            counted_until: preview.counted_until,
        }
    }
}

/// Whose payloads are to be removed.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct BulkExpungeIn {
    /// Messages by id or eventId, at most 1,000.
    pub ids: Option<Vec<String>>,
}

/// What became of each.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkExpungeOut {
    /// By the id that was given: `expunged`, or `not-found`.
    pub results: std::collections::BTreeMap<String, &'static str>,
}

/// A message that might be published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PrecheckIn {
    /// What kind of event it would tell of.
    #[schema(example = "invoice.paid")]
    pub event_type: String,
    /// Its channels, 1 to 5.
    pub channels: Option<Vec<String>>,
}

/// Whether publishing it would send anything.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PrecheckOut {
    /// Whether an endpoint that is not disabled wants it.
    pub active: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_window_ends_now_at_the_latest_and_is_no_longer_than_allowed() {
        let ago = |days: u32| NOW.minus(DAY * days);
        let of = |since, until| span("body", since, until, NOW, RECOVERY);
        let whole = of(ago(14), None).unwrap();
        assert_eq!(whole.since, ago(14));
        assert_eq!(of(ago(1), Some(NOW.plus(DAY))).unwrap().until, whole.until);
        for (since, until) in [
            (ago(15), None),
            (NOW.plus(DAY), None),
            (ago(1), Some(ago(2))),
            (ago(1), Some(ago(1))),
        ] {
            let error = of(since, until).unwrap_err();
            assert_eq!(error.faults()[0].loc, ["body", "since"]);
        }
        assert!(of(ago(40), Some(ago(30))).is_ok());
    }
}
