//! Which names the headers of a delivery go by.

use serde::{Deserialize, Serialize};

/// The prefix of a delivery's own headers: `webhook-id` or `svix-id`, and so on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeaderFamily {
    /// `webhook-`: Standard Webhooks 1.0.0.
    #[default]
    Webhook,
    /// `svix-`: for receivers that verify with an older Svix library.
    Svix,
}

/// A number in the database that stands for no header family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no header family")]
pub struct UnknownFamily(i16);

impl HeaderFamily {
    /// The number that the database keeps.
    pub const fn code(self) -> i16 {
        match self {
            Self::Webhook => 0,
            Self::Svix => 1,
        }
    }

    /// The word that the wire shows.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Svix => "svix",
        }
    }
}

impl TryFrom<i16> for HeaderFamily {
    type Error = UnknownFamily;

    fn try_from(code: i16) -> Result<Self, UnknownFamily> {
        match code {
            0 => Ok(Self::Webhook),
            1 => Ok(Self::Svix),
            _ => Err(UnknownFamily(code)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_survives_its_code_and_its_word() {
        for family in [HeaderFamily::Webhook, HeaderFamily::Svix] {
            assert_eq!(HeaderFamily::try_from(family.code()), Ok(family));
            let json = format!("{:?}", family.word());
            assert_eq!(serde_json::from_str::<HeaderFamily>(&json).unwrap(), family);
        }
        assert!(HeaderFamily::try_from(2).is_err());
    }
}
