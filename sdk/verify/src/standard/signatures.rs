//! The signature header: `version,base64` entries with spaces between.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::Scheme;
use crate::error::VerifyError;
use crate::hmac_key::SHA256_LENGTH;
use crate::parse::Name;

/// The most entries that are read. A sender that overlaps ten keys of both
/// kinds stays below; checking more would only serve an attacker.
const MAX_ENTRIES: usize = 32;

/// The entries of one header, by scheme. Those of unknown versions are left
/// out, as the standard asks; those that are no signature at all (wrong
/// length, bad base64) count as present but never match.
#[derive(Default)]
pub(crate) struct Signatures {
    pub(crate) v1: Vec<[u8; SHA256_LENGTH]>,
    #[cfg(feature = "ed25519")]
    pub(crate) v1a: Vec<[u8; crate::standard::ed25519::SIGNATURE_LENGTH]>,
    has_v1: bool,
    has_v1a: bool,
}

impl Signatures {
    pub(crate) fn parse(header: &[u8], name: &Name) -> Result<Self, VerifyError> {
        let mut found = Self::default();
        let mut entries = 0;
        for entry in header.split(|byte| *byte == b' ') {
            let Some(comma) = entry.iter().position(|byte| *byte == b',') else {
                continue;
            };
            entries += 1;
            if entries > MAX_ENTRIES {
                return Err(VerifyError::MalformedHeader(name.clone()));
            }
            let (version, signature) = entry.split_at(comma);
            found.add(version, signature.get(1..).unwrap_or_default());
        }
        if entries == 0 {
            return Err(VerifyError::MalformedHeader(name.clone()));
        }
        Ok(found)
    }

    /// Whether any entry claims to be of this scheme.
    pub(crate) fn has(&self, scheme: Scheme) -> bool {
        match scheme {
            Scheme::V1 => self.has_v1,
            Scheme::V1a => self.has_v1a,
            _ => false,
        }
    }

    fn add(&mut self, version: &[u8], signature: &[u8]) {
        if version == Scheme::V1.as_str().as_bytes() {
            self.has_v1 = true;
            self.v1.extend(decode::<SHA256_LENGTH>(signature));
        } else if version == Scheme::V1a.as_str().as_bytes() {
            self.has_v1a = true;
            #[cfg(feature = "ed25519")]
            self.v1a.extend(decode(signature));
        }
    }
}

/// Strict base64 of exactly `N` bytes. A shorter or empty one is nothing, and
/// can thus never be compared by its first bytes alone (RUSTSEC-2024-0010).
fn decode<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != N.div_ceil(3) * 4 {
        return None;
    }
    // Room for the 64 bytes of the longest scheme, in whole groups of three.
    let mut buffer = [0; 66];
    let length = STANDARD.decode_slice(text, &mut buffer).ok()?;
    buffer.get(..length)?.try_into().ok()
}
