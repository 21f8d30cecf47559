//! What a token of an application may do, in the words that clients use.

macro_rules! capabilities {
    ($($(#[$doc:meta])* $name:ident = $bit:literal,)*) => {
        /// One thing that a token may do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Capability {
            $($(#[$doc])* $name = $bit,)*
        }

        impl Capability {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }
    };
}

capabilities! {
    /// Reads everything of the application but secrets.
    ViewBase = 1,
    /// Reads endpoints' secrets.
    ViewEndpointSecret = 2,
    /// Reads and rotates endpoints' secrets.
    ManageEndpointSecret = 4,
    /// Changes endpoints' transformations.
    ManageTransformations = 8,
    /// Sends again, replays, recovers, and sends examples.
    CreateAttempts = 16,
    /// Makes, changes and deletes endpoints, secrets included.
    ManageEndpoint = 32,
}

impl Capability {
    /// The capability of this name.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .copied()
            .find(|capability| capability.word() == word)
    }

    /// Those of which each includes this one.
    const fn included_in(self) -> u8 {
        let more = match self {
            Self::ViewEndpointSecret => {
                Self::ManageEndpointSecret as u8 | Self::ManageEndpoint as u8
            }
            Self::ManageEndpointSecret => Self::ManageEndpoint as u8,
            _ => 0,
        };
        self as u8 | more
    }
}

/// A set of capabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities(u8);

impl Capabilities {
    /// Everything.
    pub const ALL: Self = Self(0b11_1111);
    /// Reading, without secrets.
    pub const VIEW: Self = Self(Capability::ViewBase as u8);

    /// Whether it has this one, or one that includes it.
    pub const fn allows(self, capability: Capability) -> bool {
        self.0 & capability.included_in() != 0
    }

    /// Its code in the database.
    pub const fn code(self) -> i16 {
        self.0 as i16
    }
}

/// The set of this code.
impl TryFrom<i16> for Capabilities {
    type Error = i16;

    fn try_from(code: i16) -> Result<Self, i16> {
        match u8::try_from(code) {
            Ok(bits) if bits & !Self::ALL.0 == 0 => Ok(Self(bits)),
            _ => Err(code),
        }
    }
}

impl FromIterator<Capability> for Capabilities {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self(
            capabilities
                .into_iter()
                .fold(0, |bits, capability| bits | capability as u8),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_has_every_capability_and_no_bit_more() {
        let all: Capabilities = Capability::ALL.iter().copied().collect();
        assert_eq!(all, Capabilities::ALL);
        assert_eq!(Capabilities::try_from(all.code()), Ok(all));
        assert_eq!(Capabilities::try_from(64), Err(64));
        assert_eq!(Capabilities::try_from(-1), Err(-1));
    }

    #[test]
    fn words_lead_back_to_what_they_name() {
        for &capability in Capability::ALL {
            assert_eq!(Capability::from_word(capability.word()), Some(capability));
        }
        assert_eq!(Capability::from_word("viewBase"), None);
    }

    #[test]
    fn who_manages_endpoints_manages_their_secrets_and_who_manages_secrets_sees_them() {
        use Capability::{
            CreateAttempts, ManageEndpoint, ManageEndpointSecret, ViewBase, ViewEndpointSecret,
        };
        for (has, allowed, refused) in [
            (
                ViewBase,
                &[ViewBase][..],
                &[ViewEndpointSecret, ManageEndpoint][..],
            ),
            (
                ViewEndpointSecret,
                &[ViewEndpointSecret],
                &[ManageEndpointSecret, ManageEndpoint],
            ),
            (
                ManageEndpointSecret,
                &[ViewEndpointSecret, ManageEndpointSecret],
                &[ManageEndpoint],
            ),
            (
                ManageEndpoint,
                &[ViewEndpointSecret, ManageEndpointSecret, ManageEndpoint],
                &[CreateAttempts],
            ),
        ] {
            let set: Capabilities = [has].into_iter().collect();
            assert!(allowed.iter().all(|one| set.allows(*one)), "{has:?}");
            assert!(!refused.iter().any(|one| set.allows(*one)), "{has:?}");
        }
    }
}
