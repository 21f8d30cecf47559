//! How the deliveries of an endpoint are signed: as Standard Webhooks says, or as
//! receivers of another sender already check.

mod content;
mod kinds;
mod wire;

use std::collections::BTreeSet;

pub use self::content::{Content, Part};
pub use self::kinds::{
    Digest, Encoding, GitHubScheme, HmacScheme, SchemeKind, SlackScheme, StripeScheme,
    UnknownScheme,
};
use crate::Invalid;
use crate::invalid::shown;
use crate::names::headers::check_header_name;

/// The most schemes of an endpoint: two, while its receiver moves from one to the other.
pub const MAX_SCHEMES: usize = 2;

const SIGNATURE_HEADER: &str = "signatureHeader";

/// What a header of a scheme carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carries {
    /// The signature, or all of them.
    Signature,
    /// The seconds of the attempt.
    Timestamp,
    /// The message's id.
    Id,
    /// The message's event type.
    EventType,
    /// How many attempts there were before; only sent when there were some.
    Retries,
}

/// A header under a name that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemeHeader<'a> {
    pub carries: Carries,
    /// The field of the scheme that names it.
    pub field: &'static str,
    pub name: &'a str,
}

/// One way to sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Standard Webhooks 1.0.0.
    Standard,
    /// As GitHub signs: an HMAC-SHA256 of the body.
    GitHub(GitHubScheme),
    /// As Stripe signs: time and signatures in one header.
    Stripe(StripeScheme),
    /// As Slack signs: an HMAC-SHA256 of version, time and body.
    Slack(SlackScheme),
    /// Any other HMAC.
    Hmac(HmacScheme),
}

impl Scheme {
    /// Its kind. Schemes of one kind share their secrets.
    pub const fn kind(&self) -> SchemeKind {
        match self {
            Self::Standard => SchemeKind::Standard,
            Self::GitHub(_) => SchemeKind::GitHub,
            Self::Stripe(_) => SchemeKind::Stripe,
            Self::Slack(_) => SchemeKind::Slack,
            Self::Hmac(_) => SchemeKind::Hmac,
        }
    }

    /// The headers that it sends under names that can be chosen. Those of
    /// [`Scheme::Standard`] are fixed, and forbidden to everybody else.
    pub fn headers(&self) -> Vec<SchemeHeader<'_>> {
        use Carries::{EventType, Id, Retries, Signature, Timestamp};
        let all: Vec<(Carries, &'static str, Option<&String>)> = match self {
            Self::Standard => Vec::new(),
            Self::GitHub(of) => vec![
                (Signature, SIGNATURE_HEADER, Some(&of.signature_header)),
                (EventType, "eventHeader", of.event_header.as_ref()),
                (Id, "deliveryHeader", of.delivery_header.as_ref()),
            ],
            Self::Stripe(of) => vec![(Signature, SIGNATURE_HEADER, Some(&of.signature_header))],
            Self::Slack(of) => vec![
                (Signature, SIGNATURE_HEADER, Some(&of.signature_header)),
                (Timestamp, "timestampHeader", Some(&of.timestamp_header)),
                (Retries, "retryHeader", of.retry_header.as_ref()),
            ],
            Self::Hmac(of) => vec![
                (Signature, SIGNATURE_HEADER, Some(&of.signature_header)),
                (Id, "idHeader", of.id_header.as_ref()),
                (Timestamp, "timestampHeader", of.timestamp_header.as_ref()),
                (EventType, "eventHeader", of.event_header.as_ref()),
            ],
        };
        all.into_iter()
            .filter_map(|(carries, field, name)| {
                let name = name?.as_str();
                Some(SchemeHeader {
                    carries,
                    field,
                    name,
                })
            })
            .collect()
    }

    fn check(&self) -> Result<(), Invalid> {
        for header in self.headers() {
            check_header_name(header.name)
                .map_err(|error| Invalid::new(format!("{}: {error}", header.field)))?;
        }
        match self {
            Self::Hmac(of) => of.check(),
            _ => Ok(()),
        }
    }
}

/// How an endpoint's deliveries are signed: by one scheme, or by two at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schemes(Vec<Scheme>);

impl Default for Schemes {
    fn default() -> Self {
        Self(vec![Scheme::Standard])
    }
}

impl Schemes {
    /// Checks a list of schemes: one or two, the standard one at most once, with header
    /// names that can be used and differ from each other.
    pub fn new(list: Vec<Scheme>) -> Result<Self, Invalid> {
        if !(1..=MAX_SCHEMES).contains(&list.len()) {
            return Err(Invalid::new(format!(
                "a list of {} schemes: give 1, or {MAX_SCHEMES} while receivers move from one to the other",
                list.len()
            )));
        }
        let standard = list.iter().filter(|scheme| **scheme == Scheme::Standard);
        if standard.count() > 1 {
            return Err(Invalid::new("standard comes twice: keep one"));
        }
        let mut seen = BTreeSet::new();
        for scheme in &list {
            scheme.check()?;
            for header in scheme.headers() {
                if !seen.insert(header.name.to_ascii_lowercase()) {
                    return Err(Invalid::new(format!(
                        "{}: {} is another header of the delivery already: choose another name",
                        header.field,
                        shown(header.name)
                    )));
                }
            }
        }
        Ok(Self(list))
    }

    /// The schemes, in the order in which they were given.
    pub fn as_slice(&self) -> &[Scheme] {
        &self.0
    }

    /// Whether deliveries are signed as Standard Webhooks says and in no other way.
    pub fn is_standard(&self) -> bool {
        self.0 == [Scheme::Standard]
    }

    /// Whether one of them is of this kind.
    pub fn has(&self, kind: SchemeKind) -> bool {
        self.0.iter().any(|scheme| scheme.kind() == kind)
    }

    /// Their kinds, each once, in order. The first is the one that is meant where a
    /// caller names none.
    pub fn kinds(&self) -> Vec<SchemeKind> {
        let mut kinds: Vec<_> = self.0.iter().map(Scheme::kind).collect();
        kinds.dedup();
        kinds
    }

    /// The kind of the first.
    pub fn first_kind(&self) -> SchemeKind {
        self.0.first().map_or(SchemeKind::Standard, Scheme::kind)
    }

    /// Checks that no custom header has the name of a header of these schemes.
    pub fn check_beside<'a>(
        &self,
        custom: impl IntoIterator<Item = &'a str>,
    ) -> Result<(), Invalid> {
        let ours: Vec<_> = self.0.iter().flat_map(Scheme::headers).collect();
        for name in custom {
            if ours.iter().any(|our| our.name.eq_ignore_ascii_case(name)) {
                return Err(Invalid::new(format!(
                    "{} is both a custom header and a header of signatureScheme: choose another name for one of them",
                    shown(name)
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
