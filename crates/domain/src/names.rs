//! The rules for what users name and write: uids, event types, channels, texts,
//! metadata, numbers. Custom headers have theirs in [`headers`].

use std::collections::BTreeMap;

use crate::Invalid;
use crate::invalid::shown;

pub mod headers;

/// The most bytes in a uid, an event id, an event type's name or a channel.
pub const MAX_NAME: usize = 256;
/// The most bytes of metadata, written as JSON.
pub const MAX_METADATA: usize = 4096;
/// The most bytes in a name or description.
pub const MAX_TEXT: usize = 4096;
/// The most channels of an endpoint.
pub const MAX_ENDPOINT_CHANNELS: usize = 10;
/// The most channels of a message.
pub const MAX_MESSAGE_CHANNELS: usize = 10;
/// The most tags of a message.
pub const MAX_TAGS: usize = 10;
/// The longest that a payload is kept, in days.
pub const MAX_RETENTION_DAYS: u16 = 90;

/// Checks a uid or event id: a name that does not begin with `prefix`, that of our
/// own ids of its kind, lest one be taken for the other.
pub fn check_uid(value: &str, prefix: &str) -> Result<(), Invalid> {
    check_name(value)?;
    if value.starts_with(prefix) {
        return Err(Invalid::new(format!(
            "{} begins with {prefix:?}, as our own ids do: choose another beginning",
            shown(value)
        )));
    }
    Ok(())
}

/// Checks the name of an event type.
pub fn check_event_type(value: &str) -> Result<(), Invalid> {
    check_name(value)
}

/// Checks the names of event types, however many there are.
pub fn check_event_types<S: AsRef<str>>(names: &[S]) -> Result<(), Invalid> {
    check_each(names, check_event_type)
}

/// Checks one channel, or a tag: a name that may also hold `:` and `+`.
pub fn check_channel(value: &str) -> Result<(), Invalid> {
    check_name_of(value, b"-_.:+", "`-`, `_`, `.`, `:` and `+`")
}

/// Checks the tags of a message: 1 to 10, each as a channel.
pub fn check_tags<S: AsRef<str>>(tags: &[S]) -> Result<(), Invalid> {
    check_list(tags, "tags", MAX_TAGS)
}

/// Checks the channels of an endpoint: 1 to 10.
pub fn check_endpoint_channels<S: AsRef<str>>(channels: &[S]) -> Result<(), Invalid> {
    check_list(channels, "channels", MAX_ENDPOINT_CHANNELS)
}

/// Checks the channels of a message: 1 to 10.
pub fn check_message_channels<S: AsRef<str>>(channels: &[S]) -> Result<(), Invalid> {
    check_list(channels, "channels", MAX_MESSAGE_CHANNELS)
}

fn check_list<S: AsRef<str>>(names: &[S], what: &str, max: usize) -> Result<(), Invalid> {
    if !(1..=max).contains(&names.len()) {
        return Err(Invalid::new(format!(
            "a list of {} {what}: give 1 to {max}, or leave it out",
            names.len()
        )));
    }
    check_each(names, check_channel)
}

fn check_each<S: AsRef<str>>(
    names: &[S],
    check: impl Fn(&str) -> Result<(), Invalid>,
) -> Result<(), Invalid> {
    names
        .iter()
        .enumerate()
        .try_for_each(|(at, name)| check(name.as_ref()).map_err(|invalid| invalid.of_item(at)))
}

fn check_name(value: &str) -> Result<(), Invalid> {
    check_name_of(value, b"-_.", "`-`, `_` and `.`")
}

fn check_name_of(value: &str, marks: &[u8], in_words: &str) -> Result<(), Invalid> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || marks.contains(&byte);
    if value.is_empty() || !value.bytes().all(allowed) {
        return Err(Invalid::new(format!(
            "{} is not allowed: give letters a-z A-Z, digits, {in_words}, at least one",
            shown(value)
        )));
    }
    if value.len() > MAX_NAME {
        return Err(Invalid::new(format!(
            "{} has {} characters: give at most {MAX_NAME}",
            shown(value),
            value.len()
        )));
    }
    Ok(())
}

/// Checks a description, or another free text: no control characters from 0x00 to
/// 0x08, at most [`MAX_TEXT`] bytes.
pub fn check_description(value: &str) -> Result<(), Invalid> {
    if let Some(byte) = value.bytes().find(|byte| *byte <= 8) {
        return Err(Invalid::new(format!(
            "{} holds the control character {byte:#04x}: remove it",
            shown(value)
        )));
    }
    if value.len() > MAX_TEXT {
        return Err(Invalid::new(format!(
            "{} has {} bytes: give at most {MAX_TEXT}",
            shown(value),
            value.len()
        )));
    }
    Ok(())
}

/// Checks the display name of an application: a description that is not empty.
pub fn check_display_name(value: &str) -> Result<(), Invalid> {
    if value.is_empty() {
        return Err(Invalid::new("an empty name: give at least one character"));
    }
    check_description(value)
}

/// Checks metadata: at most [`MAX_METADATA`] bytes when written as JSON.
pub fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Invalid> {
    let size = serde_json::to_vec(metadata).map_or(usize::MAX, |json| json.len());
    if size > MAX_METADATA {
        return Err(Invalid::new(format!(
            "metadata of {} entries takes {size} bytes as JSON: give at most {MAX_METADATA}",
            metadata.len()
        )));
    }
    Ok(())
}

/// Checks how many days a payload is kept: 1 to 90.
pub fn check_retention_days(days: i64) -> Result<u16, Invalid> {
    number(days, 1, MAX_RETENTION_DAYS, " days")
}

/// Checks how many hours a payload is kept: 1 to 2160.
pub fn check_retention_hours(hours: i64) -> Result<u16, Invalid> {
    number(hours, 1, MAX_RETENTION_DAYS * 24, " hours")
}

/// Checks an organisation's rate limit: 1 to 65535 per second.
pub fn check_rate_limit(rate: i64) -> Result<u16, Invalid> {
    number(rate, 1, u16::MAX, " messages per second")
}

/// Checks a throttle rate: 1 to 65535 per second.
pub fn check_throttle_rate(rate: i64) -> Result<u16, Invalid> {
    number(rate, 1, u16::MAX, " messages per second")
}

/// Checks an endpoint's deadline: 5 to 30 seconds.
pub fn check_timeout_seconds(seconds: i64) -> Result<u16, Invalid> {
    number(seconds, 5, 30, " seconds")
}

fn number(value: i64, min: u16, max: u16, unit: &str) -> Result<u16, Invalid> {
    u16::try_from(value)
        .ok()
        .filter(|value| (min..=max).contains(value))
        .ok_or_else(|| {
            Invalid::new(format!(
                "{value} is out of bounds: give {min} to {max}{unit}"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_letters_digits_dashes_underscores_and_dots_pass() {
        for name in ["a", "user.created", "A-1_b.C", ".", "-", &"x".repeat(256)] {
            assert_eq!(check_event_type(name), Ok(()), "{name}");
            assert_eq!(check_channel(name), Ok(()), "{name}");
            assert_eq!(
                check_channel(&format!("{}:+", name.get(2..).unwrap_or("a"))),
                Ok(()),
                "{name}"
            );
            assert_eq!(check_uid(name, "app_"), Ok(()), "{name}");
        }
    }

    #[test]
    fn other_names_are_refused_with_value_and_remedy() {
        for name in ["", " ", "a b", "é", "a/b", "a\n", "a:b", "\0"] {
            let error = check_event_type(name).unwrap_err();
            assert!(error.msg.contains(&format!("{name:?}")), "{error}");
            assert!(error.msg.contains("give letters"), "{error}");
        }
        let error = check_channel(&"x".repeat(257)).unwrap_err();
        assert!(error.msg.contains("257") && error.msg.contains("at most 256"));
    }

    #[test]
    fn a_uid_must_not_look_like_an_id_of_its_own_kind() {
        assert!(
            check_uid("app_1", "app_")
                .unwrap_err()
                .msg
                .contains("app_1")
        );
        assert_eq!(check_uid("ep_1", "app_"), Ok(()));
        assert_eq!(check_uid("my_app_1", "app_"), Ok(()));
    }

    #[test]
    fn channel_lists_are_counted_and_each_channel_is_checked() {
        let list = |n: usize| vec!["c".to_owned(); n];
        assert!(check_endpoint_channels(&list(0)).is_err());
        assert!(check_endpoint_channels(&list(10)).is_ok());
        assert!(check_endpoint_channels(&list(11)).is_err());
        assert!(check_message_channels(&list(10)).is_ok());
        assert!(check_message_channels(&list(11)).is_err());
        assert!(check_tags(&list(10)).is_ok());
        assert!(check_tags(&list(11)).is_err());
        assert!(check_tags(&list(0)).is_err());
        assert!(check_message_channels(&["ok", "not ok"]).is_err());
    }

    #[test]
    fn descriptions_refuse_the_controls_0_to_8_and_nothing_else() {
        for byte in 0..=8_u8 {
            assert!(check_description(&char::from(byte).to_string()).is_err());
        }
        for text in ["", "tab\tand\nline", "日本語 \u{7f}\u{1b}"] {
            assert_eq!(check_description(text), Ok(()), "{text}");
        }
        assert!(check_description(&"x".repeat(MAX_TEXT + 1)).is_err());
        assert!(check_display_name("").is_err());
        assert!(check_display_name("a\0").is_err());
        assert!(check_display_name("Ada & Söhne").is_ok());
    }

    #[test]
    fn metadata_is_measured_as_json() {
        let of = |n| BTreeMap::from([("k".to_owned(), "v".repeat(n))]);
        // {"k":""} takes 8 bytes.
        assert_eq!(check_metadata(&of(4088)), Ok(()));
        assert!(
            check_metadata(&of(4089))
                .unwrap_err()
                .msg
                .contains("4097 bytes")
        );
        let escaped = BTreeMap::from([("k".to_owned(), "\"".repeat(2045))]);
        assert!(check_metadata(&escaped).is_err());
        assert_eq!(check_metadata(&BTreeMap::new()), Ok(()));
    }

    #[test]
    fn numbers_pass_within_their_bounds_only() {
        type Check = fn(i64) -> Result<u16, Invalid>;
        for (check, min, max) in [
            (check_retention_days as Check, 1, 90),
            (check_retention_hours, 1, 2160),
            (check_rate_limit, 1, 65535),
            (check_throttle_rate, 1, 65535),
            (check_timeout_seconds, 5, 30),
        ] {
            assert_eq!(check(min).map(i64::from), Ok(min));
            assert_eq!(check(max).map(i64::from), Ok(max));
            for bad in [min - 1, max + 1, -1, i64::MIN, i64::MAX] {
                let error = check(bad).unwrap_err();
                assert!(error.msg.contains(&bad.to_string()));
                assert!(error.msg.contains(&format!("{min} to {max}")));
            }
        }
    }
}
