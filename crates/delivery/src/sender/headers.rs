//! The headers of a delivery (Standard Webhooks 1.0.0, "Webhook headers", and our
//! two more).

use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use postrider_domain::names::headers::is_forbidden_header;
use postrider_domain::{HeaderFamily, MessageId, Timestamp};

/// What the headers of one attempt say.
#[derive(Clone, Copy, Debug)]
pub struct DeliveryHeaders<'a> {
    /// Which names they go by.
    pub family: HeaderFamily,
    /// The message: the same at each attempt.
    pub message: MessageId,
    /// When this attempt was signed; whole seconds go out.
    pub timestamp: Timestamp,
    /// One signature or several between spaces; `None` if the standard scheme is none of
    /// the endpoint's.
    pub signature: Option<&'a str>,
    /// The headers of the endpoint's other schemes.
    pub schemes: &'a [(String, String)],
    /// Which attempt this is: 1, 2, ...
    pub attempt: u32,
    /// The message's event type.
    pub event_type: &'a str,
    /// What the body is; `None`: JSON.
    pub content_type: Option<&'a str>,
    /// The endpoint's own headers, from [`custom_headers`].
    pub custom: &'a HeaderMap,
}

struct Names {
    id: HeaderName,
    timestamp: HeaderName,
    signature: HeaderName,
    attempt: HeaderName,
    event_type: HeaderName,
}

const fn names(family: HeaderFamily) -> Names {
    match family {
        HeaderFamily::Webhook => Names {
            id: HeaderName::from_static("webhook-id"),
            timestamp: HeaderName::from_static("webhook-timestamp"),
            signature: HeaderName::from_static("webhook-signature"),
            attempt: HeaderName::from_static("webhook-attempt"),
            event_type: HeaderName::from_static("webhook-event-type"),
        },
        HeaderFamily::Svix => Names {
            id: HeaderName::from_static("svix-id"),
            timestamp: HeaderName::from_static("svix-timestamp"),
            signature: HeaderName::from_static("svix-signature"),
            attempt: HeaderName::from_static("svix-attempt"),
            event_type: HeaderName::from_static("svix-event-type"),
        },
    }
}

impl DeliveryHeaders<'_> {
    /// The header map of the attempt, custom headers last. Fails if a signature or the
    /// event type cannot stand in a header, which their own rules exclude.
    pub fn build(&self) -> Result<HeaderMap, http::Error> {
        let names = names(self.family);
        // Two more are the client's.
        let mut map = HeaderMap::with_capacity(8 + self.schemes.len() + self.custom.len());
        map.insert(names.id, HeaderValue::try_from(self.message.to_string())?);
        if let Some(signature) = self.signature {
            map.insert(names.timestamp, HeaderValue::from(self.timestamp.seconds()));
            map.insert(names.signature, HeaderValue::from_str(signature)?);
        }
        map.insert(names.attempt, HeaderValue::from(self.attempt));
        map.insert(names.event_type, HeaderValue::from_str(self.event_type)?);
        let content_type = match self.content_type {
            None => HeaderValue::from_static("application/json"),
            Some(other) => HeaderValue::from_str(other)?,
        };
        map.insert(CONTENT_TYPE, content_type);
        for (name, value) in self.schemes {
            let name = HeaderName::from_bytes(name.as_bytes())?;
            map.insert(name, HeaderValue::from_str(value)?);
        }
        for (name, value) in self.custom {
            map.insert(name.clone(), value.clone());
        }
        Ok(map)
    }
}

/// An endpoint's custom headers, parsed once per version of the endpoint and marked
/// as sensitive. What the rules refuse when headers are set is left out here too:
/// rows may be older than a rule.
pub fn custom_headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> HeaderMap {
    pairs
        .into_iter()
        .filter(|(name, _)| !is_forbidden_header(name))
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            let mut value = HeaderValue::from_str(value).ok()?;
            value.set_sensitive(true);
            Some((name, value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(custom: &HeaderMap) -> DeliveryHeaders<'_> {
        DeliveryHeaders {
            family: HeaderFamily::Webhook,
            message: MessageId::floor(Timestamp::default()),
            timestamp: Timestamp::from_micros(1_700_000_000_999_999),
            signature: Some("v1,abc v1a,def"),
            schemes: &[],
            attempt: 3,
            event_type: "user.created",
            content_type: None,
            custom,
        }
    }

    fn built(family: HeaderFamily, custom: &HeaderMap) -> Vec<(String, String)> {
        read(&DeliveryHeaders {
            family,
            ..plain(custom)
        })
    }

    fn read(headers: &DeliveryHeaders<'_>) -> Vec<(String, String)> {
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        let map = headers.build().unwrap();
        map.iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect()
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_delivery_carries_id_time_signature_attempt_and_event_type() {
        let want = pairs(&[
            ("webhook-id", "msg_0000000000000000000000"),
            ("webhook-timestamp", "1700000000"),
            ("webhook-signature", "v1,abc v1a,def"),
            ("webhook-attempt", "3"),
            ("webhook-event-type", "user.created"),
            ("content-type", "application/json"),
        ]);
        assert_eq!(built(HeaderFamily::Webhook, &HeaderMap::new()), want);
    }

    #[test]
    fn the_svix_family_has_the_same_headers_by_its_own_names() {
        let of = |family| -> Vec<(String, String)> { built(family, &HeaderMap::new()) };
        let renamed: Vec<_> = of(HeaderFamily::Webhook)
            .into_iter()
            .map(|(name, value)| (name.replace("webhook-", "svix-"), value))
            .collect();
        assert_eq!(of(HeaderFamily::Svix), renamed);
    }

    #[test]
    fn other_schemes_bring_their_headers_and_leave_out_the_standard_s() {
        let schemes = pairs(&[("x-hub-signature-256", "sha256=ab"), ("x-event", "e")]);
        let none = HeaderMap::new();
        let all = read(&DeliveryHeaders {
            signature: None,
            schemes: &schemes,
            ..plain(&none)
        });
        let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
        let want = [
            "webhook-id",
            "webhook-attempt",
            "webhook-event-type",
            "content-type",
            "x-hub-signature-256",
            "x-event",
        ];
        assert_eq!(names, want);
        let odd = pairs(&[("a b", "c")]);
        let odd = DeliveryHeaders {
            schemes: &odd,
            ..plain(&none)
        };
        assert!(odd.build().is_err());
    }

    #[test]
    fn custom_headers_come_last_and_cannot_replace_ours() {
        let custom = custom_headers([
            ("X-Key", "k"),
            ("webhook-id", "forged"),
            ("Host", "internal"),
            ("bad name", "x"),
            ("x-bad", "a\nb"),
            ("Authorization", "Bearer t"),
        ]);
        let all = built(HeaderFamily::Webhook, &custom);
        assert_eq!(all[0].1, "msg_0000000000000000000000");
        assert_eq!(
            all[6..],
            pairs(&[("x-key", "k"), ("authorization", "Bearer t")])
        );
    }

    #[test]
    fn the_values_of_custom_headers_do_not_show_in_debug_output() {
        let custom = custom_headers([("x-key", "hunter2")]);
        assert!(!format!("{custom:?}").contains("hunter2"));
    }
}
