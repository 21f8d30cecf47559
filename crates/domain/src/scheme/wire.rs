//! Schemes as the API and the database write them: a list of objects. A caller may give
//! one alone, or only its `type`.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    GitHubScheme, HmacScheme, MAX_SCHEMES, Scheme, SchemeKind, Schemes, SlackScheme, StripeScheme,
};

#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Wire {
    Standard,
    GitHub(GitHubScheme),
    Stripe(StripeScheme),
    Slack(SlackScheme),
    Hmac(HmacScheme),
}

impl From<Wire> for Scheme {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Standard => Self::Standard,
            Wire::GitHub(of) => Self::GitHub(of),
            Wire::Stripe(of) => Self::Stripe(of),
            Wire::Slack(of) => Self::Slack(of),
            Wire::Hmac(of) => Self::Hmac(of),
        }
    }
}

impl From<Scheme> for Wire {
    fn from(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Standard => Self::Standard,
            Scheme::GitHub(of) => Self::GitHub(of),
            Scheme::Stripe(of) => Self::Stripe(of),
            Scheme::Slack(of) => Self::Slack(of),
            Scheme::Hmac(of) => Self::Hmac(of),
        }
    }
}

impl Serialize for Schemes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().cloned().map(Wire::from))
    }
}

const WORDS: [&str; 5] = ["standard", "github", "stripe", "slack", "hmac"];

/// One scheme, as an object or as its type.
struct Entry(Vec<Scheme>);

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(Reader { lists: false })
            .map(Self)
    }
}

impl<'de> Deserialize<'de> for Schemes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = deserializer.deserialize_any(Reader { lists: true })?;
        Self::new(list).map_err(de::Error::custom)
    }
}

/// Reads a scheme, or with `lists` a list of them.
struct Reader {
    lists: bool,
}

impl<'de> Visitor<'de> for Reader {
    type Value = Vec<Scheme>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scheme's type, an object with its type, or a list of one or two of these")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Self::Value, E> {
        let scheme = match SchemeKind::of_word(word) {
            Some(SchemeKind::Standard) => Scheme::Standard,
            Some(SchemeKind::GitHub) => Scheme::GitHub(GitHubScheme::default()),
            Some(SchemeKind::Stripe) => Scheme::Stripe(StripeScheme::default()),
            Some(SchemeKind::Slack) => Scheme::Slack(SlackScheme::default()),
            Some(SchemeKind::Hmac) => {
                return Err(E::custom(
                    "hmac needs at least signatureHeader: give an object with its type and that",
                ));
            }
            None => return Err(E::unknown_variant(word, &WORDS)),
        };
        Ok(vec![scheme])
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Wire::deserialize(MapAccessDeserializer::new(map)).map(|wire| vec![wire.into()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        if !self.lists {
            return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
        }
        let mut schemes = Vec::new();
        while let Some(Entry(scheme)) = list.next_element()? {
            // One more than may be is enough to refuse them all.
            if schemes.len() <= MAX_SCHEMES {
                schemes.extend(scheme);
            }
        }
        Ok(schemes)
    }
}
