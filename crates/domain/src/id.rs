//! Ids: a prefix and the base62 of a UUIDv7, always 22 digits, so that ids sort
//! by creation as plain bytes (C collation) and never hold a `.`, which the
//! signature's text may not contain (Standard Webhooks 1.0.0).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// 62^22 is the first power of 62 above 2^128.
const DIGITS: usize = 22;

/// A text that is not an id of the kind asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id: expected `{prefix}` and 22 letters or digits")]
pub struct IdError {
    prefix: &'static str,
}

/// 62^10, the most digits that fit a machine word.
const WORD: u128 = 62_u128.pow(WORD_DIGITS as u32);
const WORD_DIGITS: usize = 10;

fn encode(uuid: Uuid) -> [u8; DIGITS] {
    let value = uuid.as_u128();
    let mut digits = [b'0'; DIGITS];
    // Division of 128 bits is slow: two of them, and the rest in words.
    let (high, low) = digits.split_at_mut(DIGITS - WORD_DIGITS);
    let (top, middle) = high.split_at_mut(DIGITS - 2 * WORD_DIGITS);
    let upper = value / WORD;
    encode_word((value % WORD) as u64, low);
    encode_word((upper % WORD) as u64, middle);
    encode_word((upper / WORD) as u64, top);
    digits
}

fn encode_word(mut value: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value % 62) as usize];
        value /= 62;
    }
}

fn decode(text: &str) -> Option<Uuid> {
    if text.len() != DIGITS {
        return None;
    }
    text.bytes()
        .try_fold(0_u128, |value, byte| {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'A'..=b'Z' => byte - b'A' + 10,
                b'a'..=b'z' => byte - b'a' + 36,
                _ => return None,
            };
            value.checked_mul(62)?.checked_add(u128::from(digit))
        })
        .map(Uuid::from_u128)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// The id made of this UUID.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside, as the database keeps it.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// A new id; ids of one process sort in the order they were made.
            pub fn mint(now: crate::Timestamp) -> Self {
                Self(mint_uuid(now))
            }

            /// When the id was made, in whole milliseconds.
            pub fn minted_at(self) -> crate::Timestamp {
                minted_at(self.0)
            }

            /// The smallest id that can have been made at `time` or later.
            pub fn floor(time: crate::Timestamp) -> Self {
                Self(floor(time))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let digits = encode(self.0);
                f.write_str($prefix)?;
                // The alphabet is ASCII.
                f.write_str(std::str::from_utf8(&digits).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix($prefix)
                    .and_then(decode)
                    .map(Self)
                    .ok_or(IdError { prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// An organisation: the company that publishes.
    OrgId = "org_";
    /// An application: one customer of an organisation.
    AppId = "app_";
    /// An endpoint: where an application's events go.
    EndpointId = "ep_";
    /// A message: one published event.
    MessageId = "msg_";
    /// One try to deliver a message to an endpoint.
    AttemptId = "atmpt_";
    /// An API key (not its secret).
    KeyId = "key_";
    /// A token of an application (not its secret).
    TokenId = "tok_";
    /// A signing secret of an endpoint (not the secret itself).
    SecretId = "sec_";
    EventTypeId = "evtype_";
    /// A background task.
    TaskId = "qtask_";
    /// One incarnation of a node: new at every start.
    NodeId = "node_";
    /// A receiver inside Postrider, for trying things out.
    InboxId = "inbox_";
    /// One request that an inbox received.
    InboxRequestId = "req_";
    /// A session of the console (not its token).
    SessionId = "sess_";
}

use std::sync::atomic::{AtomicU64, Ordering};

/// The last (millisecond, counter) handed out, so that ids of one process sort
/// even within a millisecond and when the clock steps back: 48 bits of
/// milliseconds, then 16 of counter.
static LAST: AtomicU64 = AtomicU64::new(0);

/// A UUIDv7 (RFC 9562, section 5.7) whose `rand_a` and first bits of `rand_b`
/// are a counter (section 6.2, method 1) and whose rest is random.
fn mint_uuid(now: crate::Timestamp) -> Uuid {
    let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0) & 0xFFFF_FFFF_FFFF;
    let start = millis << 16;
    let stamp = LAST
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(start.max(last + 1))
        })
        .map_or(start, |last| start.max(last + 1));
    let random = Uuid::new_v4().as_u128();
    let millis = u128::from(stamp >> 16);
    let counter = u128::from(stamp & 0xFFFF);
    let value = millis << 80
        | 0x7 << 76
        | (counter >> 4) << 64
        | 0b10 << 62
        | (counter & 0xF) << 58
        | random & ((1 << 58) - 1);
    Uuid::from_u128(value)
}

fn minted_at(uuid: Uuid) -> crate::Timestamp {
    crate::Timestamp::from_micros((uuid.as_u128() >> 80) as i64 * 1000)
}

fn floor(time: crate::Timestamp) -> Uuid {
    let millis = u128::try_from(time.micros().div_euclid(1000)).unwrap_or(0) & 0xFFFF_FFFF_FFFF;
    Uuid::from_u128(millis << 80)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Timestamp;

    #[test]
    fn an_id_survives_its_text() {
        let id = MessageId::mint(Timestamp::from_seconds(1_700_000_000));
        let text = id.to_string();
        assert_eq!(text.len(), 4 + 22);
        assert!(!text.contains('.'));
        assert_eq!(text.parse(), Ok(id));
    }

    #[test]
    fn ids_sort_by_creation_as_text_even_within_a_millisecond_and_when_the_clock_steps_back() {
        let later = Timestamp::from_seconds(1_800_000_000);
        let earlier = Timestamp::from_seconds(1_799_999_000);
        let ids: Vec<String> = (0..100_000)
            .map(|n| MessageId::mint(if n % 2 == 0 { later } else { earlier }).to_string())
            .collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn ids_of_another_kind_or_shape_are_refused() {
        let id = MessageId::mint(Timestamp::from_seconds(1)).to_string();
        assert!(id.parse::<EndpointId>().is_err());
        for text in [
            "",
            "msg_",
            "msg_zzzzzzzzzzzzzzzzzzzzzz",
            "msg_é",
            "msg_00000000000000000000 0",
        ] {
            assert!(text.parse::<MessageId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_id_tells_when_it_was_made_and_is_not_below_the_floor_of_that_time() {
        let time = Timestamp::from_micros(4_000_000_000_123_456);
        let id = MessageId::from_uuid(floor(time));
        assert_eq!(id.minted_at().micros(), 4_000_000_000_123_000);
        assert_eq!(MessageId::floor(time), id);
    }

    #[test]
    fn a_minted_uuid_says_version_7_of_rfc_9562() {
        let uuid = MessageId::mint(Timestamp::from_seconds(1_700_000_000)).uuid();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
    }
}
