//! The signatures of JWTs, by ring, which TLS brings along.
//!
//! Of the two backends that the JWT crate brings, one links a second TLS library and
//! the other an RSA crate with an open advisory.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{self, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use ring::hmac;
use ring::signature::{
    ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    UnparsedPublicKey, VerificationAlgorithm,
};

static RING: CryptoProvider = CryptoProvider {
    // Nothing is signed here.
    signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring what checks signatures. Doing it again changes nothing.
pub(super) fn install() {
    // It fails if it was done before, which is fine: there is no other.
    let _ = RING.install_default();
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the provider's type")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    if key.family() != family(*algorithm) {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    let bytes = key.try_get_as_bytes()?;
    let checks = match algorithm {
        Algorithm::HS256 => Checks::Hmac(hmac::Key::new(hmac::HMAC_SHA256, bytes)),
        Algorithm::HS384 => Checks::Hmac(hmac::Key::new(hmac::HMAC_SHA384, bytes)),
        Algorithm::HS512 => Checks::Hmac(hmac::Key::new(hmac::HMAC_SHA512, bytes)),
        Algorithm::RS256 => Checks::public(&RSA_PKCS1_2048_8192_SHA256, bytes),
        Algorithm::RS384 => Checks::public(&RSA_PKCS1_2048_8192_SHA384, bytes),
        Algorithm::RS512 => Checks::public(&RSA_PKCS1_2048_8192_SHA512, bytes),
        Algorithm::EdDSA => Checks::public(&ED25519, bytes),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(Box::new(Ring {
        algorithm: *algorithm,
        checks,
    }))
}

fn family(algorithm: Algorithm) -> AlgorithmFamily {
    match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => AlgorithmFamily::Hmac,
        Algorithm::EdDSA => AlgorithmFamily::Ed,
        Algorithm::ES256 | Algorithm::ES384 => AlgorithmFamily::Ec,
        _ => AlgorithmFamily::Rsa,
    }
}

struct Ring {
    algorithm: Algorithm,
    checks: Checks,
}

enum Checks {
    Hmac(hmac::Key),
    Public(UnparsedPublicKey<Vec<u8>>),
}

impl Checks {
    fn public(algorithm: &'static dyn VerificationAlgorithm, key: &[u8]) -> Self {
        Self::Public(UnparsedPublicKey::new(algorithm, key.to_vec()))
    }
}

impl Verifier<Vec<u8>> for Ring {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        match &self.checks {
            Checks::Hmac(key) => hmac::verify(key, message, signature),
            Checks::Public(key) => key.verify(message, signature),
        }
        .map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for Ring {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
