//! What can be wrong with a request, one thing at a time.

use std::fmt;

use super::sender::{Names, TestRequest};

/// One way in which a request is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Forgery {
    /// Signed with a secret that the receiver does not hold.
    OtherSecret,
    /// The signature of another message.
    OtherSignature,
    /// One bit of the signature changed.
    ChangedSignature,
    /// The last character of the signature is gone.
    TruncatedSignature,
    /// One character too many in the signature.
    ExtendedSignature,
    /// Nothing where the signature should begin.
    EmptySignature,
    /// A version, or prefix, that nobody knows.
    UnknownVersion,
    /// No header with a signature.
    MissingSignature,
    /// The header with the signature twice.
    RepeatedSignature,
    /// A signature of a hundred thousand characters.
    HugeSignature,
    /// One byte of the body changed.
    ChangedBody,
    /// The JSON of the body parsed and printed again, with other spaces.
    ReserialisedBody,
    /// A line end behind the body.
    ExtendedBody,
    /// No body.
    EmptyBody,
    /// Rightly signed, an hour ago.
    StaleTimestamp,
    /// Rightly signed, an hour from now.
    FutureTimestamp,
    /// An old message under a new timestamp.
    RenewedTimestamp,
    /// A timestamp that is no number.
    MalformedTimestamp,
    /// No header with a timestamp.
    MissingTimestamp,
    /// The header with the timestamp twice.
    RepeatedTimestamp,
    /// Another id than the one that was signed.
    OtherId,
    /// No header with an id.
    MissingId,
    /// The header with the id twice.
    RepeatedId,
}

impl Forgery {
    /// All that there are.
    pub const ALL: &'static [Self] = &[
        Self::OtherSecret,
        Self::OtherSignature,
        Self::ChangedSignature,
        Self::TruncatedSignature,
        Self::ExtendedSignature,
        Self::EmptySignature,
        Self::UnknownVersion,
        Self::MissingSignature,
        Self::RepeatedSignature,
        Self::HugeSignature,
        Self::ChangedBody,
        Self::ReserialisedBody,
        Self::ExtendedBody,
        Self::EmptyBody,
        Self::StaleTimestamp,
        Self::FutureTimestamp,
        Self::RenewedTimestamp,
        Self::MalformedTimestamp,
        Self::MissingTimestamp,
        Self::RepeatedTimestamp,
        Self::OtherId,
        Self::MissingId,
        Self::RepeatedId,
    ];
}

impl fmt::Display for Forgery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = format!("{self:?}");
        for (index, letter) in name.chars().enumerate() {
            if index > 0 && letter.is_ascii_uppercase() {
                f.write_str(" ")?;
            }
            write!(f, "{}", letter.to_ascii_lowercase())?;
        }
        Ok(())
    }
}

type Sign<'a> = &'a dyn Fn(&str, i64, &[u8]) -> TestRequest;

/// What a forgery is made of.
pub(super) struct Parts<'a> {
    pub(super) genuine: TestRequest,
    pub(super) names: Names,
    pub(super) sign: Sign<'a>,
    pub(super) sign_as_stranger: Sign<'a>,
}

const HOUR: i64 = 3600;
const HUGE: usize = 100_000;

impl Parts<'_> {
    pub(super) fn forge(self, forgery: Forgery, id: &str, now: i64) -> Option<TestRequest> {
        use Forgery as F;
        let body = self.genuine.body.clone();
        let name_of_id = self.names.id.as_deref();
        match forgery {
            F::OtherSecret => Some((self.sign_as_stranger)(id, now, &body)),
            F::OtherSignature => {
                let other = (self.sign)(id, now, &[body.as_slice(), b"other"].concat());
                Some(self.with_signature(|_| other.header(&self.names.signature).to_owned()))
            }
            F::StaleTimestamp => self.signed_at(id, now.saturating_sub(HOUR)),
            F::FutureTimestamp => self.signed_at(id, now.saturating_add(HOUR)),
            F::RenewedTimestamp => self.renewed(id, now),
            F::ChangedBody | F::ReserialisedBody | F::ExtendedBody | F::EmptyBody => {
                self.with_body(forgery)
            }
            F::MalformedTimestamp | F::MissingTimestamp | F::RepeatedTimestamp => {
                self.with_timestamp(forgery)
            }
            F::OtherId => Some(self.genuine.with(name_of_id?, |id| format!("{id}x"))),
            F::MissingId => Some(self.genuine.clone().without(name_of_id?)),
            F::RepeatedId => Some(self.genuine.clone().twice(name_of_id?)),
            F::MissingSignature => Some(self.genuine.clone().without(&self.names.signature)),
            F::RepeatedSignature => Some(self.genuine.clone().twice(&self.names.signature)),
            F::TruncatedSignature => Some(self.with_signature(truncated)),
            F::ExtendedSignature => Some(self.with_signature(|value| format!("{value}0"))),
            F::HugeSignature => {
                Some(self.with_signature(|value| value.repeat(1 + HUGE / value.len().max(1))))
            }
            F::EmptySignature => Some(self.with_signature(|value| split(value).0.to_owned())),
            F::ChangedSignature => Some(self.with_signature(changed)),
            F::UnknownVersion => Some(self.with_signature(of_unknown_version)),
        }
    }

    fn with_signature(&self, change: impl FnOnce(&str) -> String) -> TestRequest {
        self.genuine.with(&self.names.signature, change)
    }

    fn signed_at(&self, id: &str, timestamp: i64) -> Option<TestRequest> {
        let request = (self.sign)(id, timestamp.max(0), &self.genuine.body);
        self.names.has_timestamp.then_some(request)
    }

    fn renewed(&self, id: &str, now: i64) -> Option<TestRequest> {
        let old = now.saturating_sub(HOUR).max(0);
        let request = self.signed_at(id, old)?;
        let (old, new) = (old.to_string(), now.to_string());
        Some(match &self.names.timestamp {
            Some(name) => request.with(name, |_| new),
            None => request.with(&self.names.signature, |value| value.replacen(&old, &new, 1)),
        })
    }

    fn with_timestamp(&self, forgery: Forgery) -> Option<TestRequest> {
        if !self.names.has_timestamp {
            return None;
        }
        let Some(name) = self.names.timestamp.as_deref() else {
            return Some(self.with_signature(|value| with_time_in_list(forgery, value)));
        };
        Some(match forgery {
            Forgery::MalformedTimestamp => self.genuine.with(name, |value| format!("+{value}")),
            Forgery::MissingTimestamp => self.genuine.clone().without(name),
            _ => self.genuine.clone().twice(name),
        })
    }

    fn with_body(&self, forgery: Forgery) -> Option<TestRequest> {
        let mut request = self.genuine.clone();
        let body = &mut request.body;
        match forgery {
            Forgery::ChangedBody => *body.last_mut()? ^= 1,
            Forgery::ReserialisedBody => {
                let colon = body.iter().position(|byte| *byte == b':')?;
                body.insert(colon + 1, b' ');
            }
            Forgery::ExtendedBody => body.push(b'\n'),
            _ if body.is_empty() => return None,
            _ => body.clear(),
        }
        Some(request)
    }
}

impl TestRequest {
    /// The value of a header by its name in lower case; empty without one.
    pub fn header(&self, name: &str) -> &str {
        let mut headers = self.headers.iter();
        headers
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    fn with(&self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        let mut request = self.clone();
        let mut headers = request.headers.iter_mut();
        if let Some((_, value)) = headers.find(|(known, _)| known == name) {
            *value = change(value);
        }
        request
    }

    fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self
    }

    fn twice(mut self, name: &str) -> Self {
        let value = self.header(name).to_owned();
        self.headers.push((name.to_owned(), value));
        self
    }
}

/// The value of a signature's header, cut where the last signature begins: it
/// is what is at the end and holds letters and digits of an encoding alone.
fn split(value: &str) -> (&str, &str) {
    let padding = value.len() - value.trim_end_matches('=').len();
    let encoded = value.get(..value.len() - padding).unwrap_or_default();
    let start = encoded.rfind([',', '=']).map_or(0, |index| index + 1);
    value.split_at(start)
}

fn changed(value: &str) -> String {
    let (before, signature) = split(value);
    let mut letters = signature.chars();
    let first = match letters.next() {
        Some('0') => '1',
        _ => '0',
    };
    format!("{before}{first}{}", letters.as_str())
}

fn truncated(value: &str) -> String {
    let mut value = value.to_owned();
    value.pop();
    value
}

fn of_unknown_version(value: &str) -> String {
    let (before, signature) = split(value);
    match before.rsplit_once(',') {
        // Stripe's: the timestamp stays.
        Some((time, version)) if !version.is_empty() => format!("{time},v99={signature}"),
        // Standard Webhooks: a version, a comma.
        Some(_) => format!("v99,{signature}"),
        None => format!("v99={signature}"),
    }
}

/// Spoils the timestamp of Stripe's `t=...,v1=...`.
fn with_time_in_list(forgery: Forgery, value: &str) -> String {
    let (time, rest) = value.split_once(',').unwrap_or_default();
    match forgery {
        Forgery::MalformedTimestamp => value.replacen("t=", "t=+", 1),
        Forgery::MissingTimestamp => rest.to_owned(),
        _ => format!("{time},{value}"),
    }
}
