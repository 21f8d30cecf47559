//! What is wrong with a request, in words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_verify::{IdSource, SetupError, Verified, Verifier, VerifyError};

use super::reprinted;
use super::request::Pasted;
use crate::cli::VerifyScheme;

/// What was found.
#[derive(Debug)]
pub(super) struct Diagnosis {
    pub(super) genuine: bool,
    /// The first line says what it is, the others why and what to do.
    pub(super) lines: Vec<String>,
}

/// When a request was received.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    Seconds(i64),
    /// At the moment of its signing.
    Signing,
}

/// Looks for the reason until one is found.
pub(super) struct Examiner<'a> {
    pub(super) request: &'a Pasted,
    pub(super) secrets: &'a [String],
    pub(super) scheme: VerifyScheme,
    pub(super) at: At,
}

impl Examiner<'_> {
    pub(super) fn examine(&self) -> Result<Diagnosis, SetupError> {
        let verifier = self.scheme.verifier(self.secrets)?;
        let now = match self.at {
            At::Seconds(now) => now,
            At::Signing => self.signed_at().unwrap_or_default(),
        };
        let answer = verifier.verify(&self.request.headers, &self.request.body, now);
        Ok(match answer {
            Ok(found) => genuine(&found, now),
            Err(VerifyError::TimestampTooOld | VerifyError::TimestampTooNew) => {
                self.untimely(&verifier, now)
            }
            Err(VerifyError::NoMatchingSignature) => self.unmatched(now),
            Err(error) => self.malformed(&error),
        })
    }

    /// The time that the headers name, if it is one.
    fn signed_at(&self) -> Option<i64> {
        let text = match self.scheme {
            VerifyScheme::Standard => {
                let own = self.request.header("webhook-timestamp");
                own.or(self.request.header("svix-timestamp"))?
            }
            VerifyScheme::Slack => self.request.header("x-slack-request-timestamp")?,
            VerifyScheme::Stripe => {
                let list = self.request.header("stripe-signature")?;
                let mut entries = list.split(|byte| *byte == b',');
                entries.find_map(|entry| entry.strip_prefix(b"t="))?
            }
            VerifyScheme::Github => return None,
        };
        str::from_utf8(text).ok()?.parse().ok()
    }

    /// Too old or too new; whether the signature is right says which of two faults it is.
    fn untimely(&self, verifier: &Verifier, now: i64) -> Diagnosis {
        let signed_at = self.signed_at().unwrap_or_default();
        let (headers, body) = (&self.request.headers, &self.request.body);
        let age = age(signed_at, now);
        if verifier.verify(headers, body, signed_at).is_ok() {
            return refused(vec![
                format!("stale timestamp: the signature is right, but was made {age}"),
                "It was delayed or replayed, or one of the two clocks is wrong. Receivers allow \
                 five minutes."
                    .to_owned(),
                "To judge a saved request without its age, add --at received.".to_owned(),
            ]);
        }
        let mut found = self.unmatched(signed_at);
        found
            .lines
            .push(format!("The timestamp is off as well: it was made {age}."));
        found
    }

    /// None of the secrets made a signature over these bytes: what would have to be
    /// different for one to fit?
    fn unmatched(&self, now: i64) -> Diagnosis {
        self.reprinted(now)
            .or_else(|| self.misread_secret(now))
            .unwrap_or_else(|| self.wrong_secret())
    }

    fn fits(&self, verifier: &Verifier, body: &[u8], now: i64) -> bool {
        verifier.verify(&self.request.headers, body, now).is_ok()
    }

    fn reprinted(&self, now: i64) -> Option<Diagnosis> {
        let verifier = self.scheme.verifier(self.secrets).ok()?;
        let mut variants = reprinted::variants(&self.request.body).into_iter();
        let (how, _) = variants.find(|(_, body)| self.fits(&verifier, body, now))?;
        Some(refused(vec![
            format!("re-serialised body: the signature fits this body {how}"),
            "The secret is right. What was signed are the bytes as they were sent, and these were \
             changed since."
                .to_owned(),
            "In the receiver, take the raw body before anything parses it; here, paste it byte for \
             byte."
                .to_owned(),
        ]))
    }

    fn misread_secret(&self, now: i64) -> Option<Diagnosis> {
        self.secrets.iter().enumerate().find_map(|(index, secret)| {
            let (how, _) = misreadings(self.scheme, secret)
                .into_iter()
                .find(|(_, bytes)| {
                    let verifier = self.scheme.with_bytes(bytes);
                    verifier.is_some_and(|verifier| self.fits(&verifier, &self.request.body, now))
                })?;
            Some(refused(vec![
                format!("misread secret: number {} fits if {how}", index + 1),
                "The body is right. Sender and receiver disagree about the bytes of the key."
                    .to_owned(),
            ]))
        })
    }

    fn wrong_secret(&self) -> Diagnosis {
        let count = self.secrets.len();
        let given = match count {
            1 => "the secret given did not make this signature".to_owned(),
            _ => format!("none of the {count} secrets given made this signature"),
        };
        let mut lines = vec![format!("wrong secret, or a changed body: {given}")];
        if looks_printed(&self.request.body) {
            lines.push(
                "The body has the line ends and spaces of JSON printed for people, and senders \
                 rarely send that: it was probably parsed and printed again, with its keys sorted \
                 or numbers written anew. Compare with the bytes that arrived."
                    .to_owned(),
            );
        } else {
            lines.push(
                "Most often it is another endpoint's secret, or one that was rotated since: \
                 compare it with the endpoint's own."
                    .to_owned(),
            );
        }
        lines.push(format!(
            "The body here has {} bytes.",
            self.request.body.len()
        ));
        refused(lines)
    }

    fn malformed(&self, error: &VerifyError) -> Diagnosis {
        let mut lines = vec![format!(
            "not a request of scheme {}: {error}",
            self.scheme.name()
        )];
        let others = VerifyScheme::carried(self.request);
        let others: Vec<_> = others
            .into_iter()
            .filter(|other| *other != self.scheme)
            .collect();
        for other in &others {
            lines.push(format!(
                "wrong scheme: it carries {}, which is {}'s; leave --scheme out or give --scheme {}",
                other.signatures().first().copied().unwrap_or_default(),
                other.name(),
                other.name(),
            ));
        }
        if others.is_empty() && *error == VerifyError::UnsupportedScheme {
            lines.push(
                "v1 is checked with a whsec_ secret, v1a with a whpk_ public key: give the one that \
                 belongs to the signature in the request."
                    .to_owned(),
            );
        }
        refused(lines)
    }
}

fn genuine(verified: &Verified, now: i64) -> Diagnosis {
    let (scheme, number) = (verified.scheme, verified.key + 1);
    let mut lines = vec![format!("genuine: {scheme}, secret number {number}")];
    let signed = match verified.id_source {
        IdSource::UnsignedHeader => " (not covered by the signature)",
        IdSource::BodyDigest => " (of the body: this scheme has none)",
        _ => "",
    };
    lines.push(format!("id        {}{signed}", verified.id));
    if let Some(event_type) = &verified.event_type {
        lines.push(format!("event     {event_type}"));
    }
    if let Some(timestamp) = verified.timestamp {
        lines.push(format!("signed    {}", age(timestamp, now)));
    }
    Diagnosis {
        genuine: true,
        lines,
    }
}

const fn refused(lines: Vec<String>) -> Diagnosis {
    Diagnosis {
        genuine: false,
        lines,
    }
}

/// Other bytes that a secret is taken for by mistake.
fn misreadings(scheme: VerifyScheme, secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bare = secret.strip_prefix("whsec_").unwrap_or(secret);
    let decoded = STANDARD.decode(bare).unwrap_or_default();
    match scheme {
        VerifyScheme::Standard => vec![
            (
                "its text is the key, not the bytes that its base64 stands for",
                bare.into(),
            ),
            ("its text is the key, with the prefix whsec_", secret.into()),
        ],
        _ => vec![
            (
                "the bytes that its base64 stands for are the key, not its text",
                decoded,
            ),
            ("the prefix whsec_ is no part of it", bare.into()),
            (
                "a line end belongs to it",
                [secret.as_bytes(), b"\n"].concat(),
            ),
        ],
    }
}

/// Whether a body has spaces that programs leave out.
fn looks_printed(body: &[u8]) -> bool {
    let json = body
        .trim_ascii_start()
        .first()
        .is_some_and(|byte| b"{[".contains(byte));
    json && (body.contains(&b'\n') || body.windows(2).any(|pair| pair == b": "))
}

fn age(then: i64, now: i64) -> String {
    let seconds = now.abs_diff(then);
    let length = match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    match then.cmp(&now) {
        std::cmp::Ordering::Greater => format!("{length} from now"),
        std::cmp::Ordering::Equal => "at this moment".to_owned(),
        std::cmp::Ordering::Less => format!("{length} ago"),
    }
}
