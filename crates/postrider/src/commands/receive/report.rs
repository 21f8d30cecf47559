//! What is printed of one request.

use std::fmt;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, StatusCode};
use postrider_verify::Verifier;

use super::pretty;

/// Bytes of a body that are printed.
const PRINTED: usize = 64 << 10;

/// What came of checking the signature.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There was no secret to check with.
    NotChecked,
    /// It verified; the words say how.
    Verified(String),
    /// It did not; the words say why.
    NotVerified(String),
}

impl Verdict {
    /// Checks a request that came at `now` (Unix seconds); `body` is `None` if it was too large.
    pub(super) fn of(
        verifier: Option<&Verifier>,
        headers: &HeaderMap,
        body: Option<&[u8]>,
        now: i64,
    ) -> Self {
        let (Some(verifier), Some(body)) = (verifier, body) else {
            return Self::NotChecked;
        };
        match verifier.verify(headers, body, now) {
            Ok(genuine) => {
                let (scheme, secret) = (genuine.scheme, genuine.key + 1);
                Self::Verified(format!("{scheme}, secret number {secret}"))
            }
            Err(error) => Self::NotVerified(error.to_string()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotChecked => f.write_str("not checked"),
            Self::Verified(how) => write!(f, "verified ({how})"),
            Self::NotVerified(why) => write!(f, "NOT VERIFIED: {why}"),
        }
    }
}

/// One request and its answer.
pub(super) struct Report<'a> {
    /// 1 for the first request.
    pub(super) number: u64,
    pub(super) head: &'a Parts,
    /// `None` if it was too large to read.
    pub(super) body: Option<&'a [u8]>,
    pub(super) verdict: Verdict,
    pub(super) status: StatusCode,
    pub(super) delay: Duration,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { method, uri, .. } = self.head;
        let target = uri.path_and_query().map_or("/", |target| target.as_str());
        writeln!(f, "\n#{} {method} {}", self.number, printable(target))?;
        for (label, names) in [
            ("webhook-id", ["webhook-id", "svix-id"]),
            ("event type", ["webhook-event-type", "svix-event-type"]),
            ("attempt", ["webhook-attempt", "svix-attempt"]),
        ] {
            let value = names.iter().find_map(|name| self.head.headers.get(*name));
            if let Some(value) = value {
                let value = String::from_utf8_lossy(value.as_bytes());
                writeln!(f, "  {label:<11} {}", printable(&value))?;
            }
        }
        writeln!(f, "  {:<11} {}", "signature", self.verdict)?;
        let delay = match self.delay.as_millis() {
            0 => String::new(),
            delay => format!(" after {delay} ms"),
        };
        writeln!(f, "  {:<11} {}{delay}", "answer", self.status.as_u16())?;
        match self.body {
            Some(body) => write_body(f, body),
            None => writeln!(f, "  {:<11} over 1 MiB: not read", "body"),
        }
    }
}

fn write_body(f: &mut fmt::Formatter<'_>, body: &[u8]) -> fmt::Result {
    writeln!(f, "  {:<11} {} bytes", "body", body.len())?;
    if body.is_empty() {
        return Ok(());
    }
    let text = match pretty::json(body.get(..PRINTED.min(body.len())).unwrap_or(body)) {
        Some(text) => text,
        None => String::from_utf8_lossy(body.get(..PRINTED).unwrap_or(body)).into_owned(),
    };
    for line in text.lines() {
        writeln!(f, "    {}", printable(line))?;
    }
    if body.len() > PRINTED {
        writeln!(f, "    ... and {} more bytes", body.len() - PRINTED)?;
    }
    Ok(())
}

/// `text` without the control characters by which a sender could steer the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .flat_map(|char| {
            let steers = char.is_control() && char != '\t';
            let escaped = steers.then(|| char.escape_unicode());
            let plain = (!steers).then_some(char);
            escaped.into_iter().flatten().chain(plain)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use http::Request;
    use postrider_verify::SigningKey;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BODY: &[u8] = br#"{"b":1.50,"a":[]}"#;
    const NOW: i64 = 1_790_000_000;

    fn request() -> Parts {
        let key = SigningKey::parse(SECRET).unwrap();
        let signature = postrider_verify::sign_all(&[key], "msg_1", NOW, BODY);
        Request::post("/hooks?x=1")
            .header("webhook-id", "msg_1")
            .header("webhook-timestamp", NOW)
            .header("webhook-signature", signature)
            .header("webhook-attempt", "2")
            .header("webhook-event-type", "invoice.paid")
            .body(())
            .unwrap()
            .into_parts()
            .0
    }

    fn verdict(body: &[u8], now: i64) -> Verdict {
        let verifier = Verifier::new(SECRET).unwrap();
        Verdict::of(Some(&verifier), &request().headers, Some(body), now)
    }

    fn report(head: &Parts, body: &[u8], verdict: Verdict) -> String {
        Report {
            number: 1,
            head,
            body: Some(body),
            verdict,
            status: StatusCode::NO_CONTENT,
            delay: Duration::ZERO,
        }
        .to_string()
    }

    #[test]
    fn a_request_is_told_in_one_block() {
        let expected = "\n#1 POST /hooks?x=1\n  webhook-id  msg_1\n  event type  invoice.paid\n  \
             attempt     2\n  signature   verified (v1, secret number 1)\n  answer      204\n  \
             body        17 bytes\n    {\n      \"b\": 1.50,\n      \"a\": []\n    }\n";
        assert_eq!(report(&request(), BODY, verdict(BODY, NOW)), expected);
    }

    #[test]
    fn a_changed_body_and_an_old_timestamp_are_not_verified_and_the_reason_is_given() {
        let Verdict::NotVerified(why) = verdict(b"{}", NOW) else {
            panic!("a changed body verified");
        };
        assert!(why.contains("no signature matches"), "{why}");
        let Verdict::NotVerified(why) = verdict(BODY, NOW + 301) else {
            panic!("an old timestamp verified");
        };
        assert!(why.contains("too old"), "{why}");
    }

    #[test]
    fn without_a_secret_nothing_is_checked() {
        let verdict = Verdict::of(None, &request().headers, Some(BODY), NOW);
        assert_eq!(verdict.to_string(), "not checked");
    }

    #[test]
    fn a_sender_cannot_steer_the_terminal() {
        let said = report(&request(), b"\x1b[2J\xc2\x9b31m\x07", Verdict::NotChecked);
        assert!(
            said.chars().all(|char| char == '\n' || !char.is_control()),
            "{said:?}"
        );
        assert!(said.contains("\\u{1b}[2J"), "{said:?}");
    }

    #[test]
    fn a_large_body_is_cut() {
        let said = report(&request(), &vec![b'x'; PRINTED + 7], Verdict::NotChecked);
        assert!(said.ends_with("... and 7 more bytes\n"));
    }
}
