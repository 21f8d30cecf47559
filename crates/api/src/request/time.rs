//! Times in queries, as clients write them: `T` or a space, with an offset, `Z`,
//! `UTC` or nothing, which is read as UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime};
use postrider_domain::Timestamp;

/// The time that `text` says, if it says one.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let (date, rest) = text.split_at_checked(10)?;
    if rest.is_empty() {
        let midnight = NaiveDate::parse_from_str(date, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)?;
        return Some(Timestamp::from_chrono(midnight.and_utc()));
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, offset) = split_offset(clock);
    let local = format!("{date}T{clock}");
    if offset.is_empty() {
        let naive = NaiveDateTime::parse_from_str(&local, "%Y-%m-%dT%H:%M:%S%.f")
            .or_else(|_| NaiveDateTime::parse_from_str(&local, "%Y-%m-%dT%H:%M"))
            .ok()?;
        return Some(Timestamp::from_chrono(naive.and_utc()));
    }
    let time = DateTime::parse_from_str(&format!("{local}{offset}"), "%Y-%m-%dT%H:%M:%S%.f%:z")
        .or_else(|_| DateTime::parse_from_str(&format!("{local}{offset}"), "%Y-%m-%dT%H:%M%:z"))
        .ok()?;
    Some(Timestamp::from_chrono(time.to_utc()))
}

/// Splits a clock's time from its offset: `+hh:mm`, or nothing for UTC.
fn split_offset(clock: &str) -> (&str, String) {
    let clock = clock.trim_end();
    for suffix in ["Z", "z", "UTC", "utc"] {
        if let Some(clock) = clock.strip_suffix(suffix) {
            return (clock.trim_end(), String::new());
        }
    }
    // A `+` that a client forgot to encode arrives as a space.
    let Some(at) = clock.rfind(['+', '-', ' ']) else {
        return (clock, String::new());
    };
    let (time, offset) = (clock[..at].trim_end(), &clock[at + 1..]);
    let sign = if clock.as_bytes()[at] == b'-' {
        '-'
    } else {
        '+'
    };
    let offset = match offset.len() {
        2 => format!("{sign}{offset}:00"),
        4 if !offset.contains(':') && offset.is_ascii() => {
            format!("{sign}{}:{}", &offset[..2], &offset[2..])
        }
        _ => format!("{sign}{offset}"),
    };
    (time, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_one_time_is_understood() {
        for text in [
            "2023-11-14T22:13:20Z",
            "2023-11-14t22:13:20z",
            "2023-11-14 22:13:20 UTC",
            "2023-11-14T22:13:20.000+00:00",
            "2023-11-14T22:13:20 00:00",
            "2023-11-14T23:13:20+0100",
            "2023-11-14T17:13:20-05",
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20.000000",
        ] {
            assert_eq!(
                parse(text),
                Some(Timestamp::from_seconds(1_700_000_000)),
                "{text}"
            );
        }
        assert_eq!(
            parse("2023-11-14"),
            Some(Timestamp::from_seconds(1_699_920_000))
        );
        assert_eq!(
            parse("2023-11-14T22:13"),
            Some(Timestamp::from_seconds(1_699_999_980))
        );
        assert_eq!(
            parse("2023-11-14T22:13:20.123456Z"),
            Some(Timestamp::from_micros(1_700_000_000_123_456))
        );
    }

    #[test]
    fn other_texts_are_refused_without_a_panic() {
        for text in [
            "",
            "now",
            "1700000000",
            "2023-11-14X22:13:20",
            "2023-13-14",
            "2023-11-14T25:00:00Z",
            "2023-11-14T22:13:20+",
            "2023-11-14T22:13:20+é1",
            "2023-11-1é",
            "éééééé",
            "2023-11-14T",
            "2023-11-14T22:13:20+99:99",
            "2023-11-14T +",
            "-",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
