//! Which scheme a request is signed in, and verifiers for it.

use clap::ValueEnum as _;
use postrider_verify::{SetupError, Verifier, VerifierBuilder};

use super::request::Pasted;
use crate::cli::VerifyScheme;

impl VerifyScheme {
    const ALL: [Self; 4] = [Self::Standard, Self::Github, Self::Stripe, Self::Slack];

    /// The headers that hold its signature, the first one its own.
    pub(super) const fn signatures(self) -> &'static [&'static str] {
        match self {
            Self::Standard => &["webhook-signature", "svix-signature"],
            Self::Github => &["x-hub-signature-256"],
            Self::Stripe => &["stripe-signature"],
            Self::Slack => &["x-slack-signature"],
        }
    }

    /// As the command line names it.
    pub(super) fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }

    /// The schemes whose signatures a request carries.
    pub(super) fn carried(request: &Pasted) -> Vec<Self> {
        let carried = |scheme: &Self| scheme.signatures().iter().any(|name| request.has(name));
        Self::ALL.into_iter().filter(carried).collect()
    }

    fn builder(self) -> VerifierBuilder {
        match self {
            Self::Standard => Verifier::builder(),
            Self::Github => Verifier::github(),
            Self::Stripe => Verifier::stripe(),
            Self::Slack => Verifier::slack(),
        }
    }

    pub(super) fn verifier(self, secrets: &[String]) -> Result<Verifier, SetupError> {
        let mut builder = self.builder();
        for secret in secrets {
            builder = builder.secret(secret)?;
        }
        builder.build()
    }

    /// A verifier with a secret used in another way than the scheme has it.
    pub(super) fn with_bytes(self, secret: &[u8]) -> Option<Verifier> {
        self.builder().secret_bytes(secret).ok()?.build().ok()
    }
}
