//! Signing a delivery in the schemes of its endpoint.

use std::ops::Range;

use postrider_domain::scheme::{Digest, Encoding, GitHubScheme, HmacScheme, SlackScheme};
use postrider_domain::{Scheme, SchemeKind, Timestamp};
use postrider_store::{EndpointConfig, EndpointSecret};
use postrider_verify::{HmacFormat, HmacSigner, Outgoing, SetupError, SigningKey};

/// What signs the deliveries of an endpoint, made ready once per revision.
pub(crate) struct Signers(Vec<Signer>);

enum Signer {
    /// One signature per key that is in force.
    Standard(Vec<(SigningKey, Option<Timestamp>)>),
    Other {
        /// The name of the signature header, in lower case.
        signature: String,
        /// With one key, with two, and so on, each until its last key expires: the keys end
        /// one after the other, the oldest first.
        signers: Vec<(HmacSigner, Option<Timestamp>)>,
    },
}

/// What signing made of a delivery.
pub(crate) struct Signed {
    /// The values of the signature headers, one a line, in the order of the schemes.
    pub(crate) record: String,
    standard: Option<Range<usize>>,
    /// The headers of the schemes that are not the standard one.
    pub(crate) headers: Vec<(String, String)>,
}

impl Signed {
    /// The value of the standard signature header, if it is to be sent.
    pub(crate) fn standard(&self) -> Option<&str> {
        self.record.get(self.standard.clone()?)
    }
}

impl Signers {
    /// Reads the endpoint's secrets. An error if a scheme has none, or one that it cannot
    /// use.
    pub(crate) fn new(config: &EndpointConfig) -> Result<Self, SetupError> {
        let of = |kind: SchemeKind| config.secrets.iter().filter(move |of| of.scheme == kind);
        let signers = config
            .settings
            .signature_scheme
            .as_slice()
            .iter()
            .map(|scheme| {
                let secrets = of(scheme.kind());
                match format(scheme) {
                    None => standard(secrets),
                    Some(format) if scheme.kind().carries_several() => other(format, secrets),
                    // What a delivery can carry only one of is made with the newest secret.
                    Some(format) => other(format, secrets.take(1)),
                }
            });
        signers.collect::<Result<_, _>>().map(Self)
    }

    /// Signs one attempt.
    pub(crate) fn sign(&self, now: Timestamp, delivery: &Outgoing<'_>) -> Signed {
        let mut signed = Signed {
            record: String::new(),
            standard: None,
            headers: Vec::new(),
        };
        for signer in &self.0 {
            if !signed.record.is_empty() {
                signed.record.push('\n');
            }
            match signer {
                Signer::Standard(keys) => {
                    let from = signed.record.len();
                    sign_standard(keys, now, delivery, &mut signed.record);
                    signed.standard = Some(from..signed.record.len());
                }
                Signer::Other { signature, signers } => {
                    let mut in_force = signers.iter().rev();
                    let in_force = in_force.find(|(_, end)| is_in_force(*end, now));
                    // The first has no end.
                    let headers = in_force.map(|(signer, _)| signer.headers(delivery));
                    for (name, value) in headers.into_iter().flatten() {
                        if name == *signature {
                            signed.record.push_str(&value);
                        }
                        signed.headers.push((name, value));
                    }
                }
            }
        }
        signed
    }
}

fn is_in_force(end: Option<Timestamp>, now: Timestamp) -> bool {
    end.is_none_or(|end| end > now)
}

fn sign_standard(
    keys: &[(SigningKey, Option<Timestamp>)],
    now: Timestamp,
    delivery: &Outgoing<'_>,
    signatures: &mut String,
) {
    let mut first = true;
    for (key, _) in keys.iter().filter(|(_, end)| is_in_force(*end, now)) {
        if !first {
            signatures.push(' ');
        }
        first = false;
        signatures.push_str(&key.sign(delivery.id, delivery.timestamp, delivery.body));
    }
}

fn standard<'a>(secrets: impl Iterator<Item = &'a EndpointSecret>) -> Result<Signer, SetupError> {
    let keys = secrets
        .map(|secret| Ok((SigningKey::parse(secret.text.expose())?, secret.expires_at)))
        .collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        return Err(SetupError::NoSecret);
    }
    Ok(Signer::Standard(keys))
}

fn other<'a>(
    (signature, format): (String, HmacFormat),
    secrets: impl Iterator<Item = &'a EndpointSecret>,
) -> Result<Signer, SetupError> {
    let mut signer = HmacSigner::new(format)?;
    let mut signers = Vec::new();
    for secret in secrets {
        signer = signer.secret(secret.text.expose())?;
        signers.push((signer.clone(), secret.expires_at));
    }
    if signers.is_empty() {
        return Err(SetupError::NoSecret);
    }
    Ok(Signer::Other { signature, signers })
}

/// The scheme as the signer knows it, with the name of its signature header in lower case;
/// the standard one is none of these.
fn format(scheme: &Scheme) -> Option<(String, HmacFormat)> {
    let (name, format) = match scheme {
        Scheme::Standard => return None,
        Scheme::GitHub(of) => (&of.signature_header, github(of)),
        Scheme::Stripe(of) => {
            let format = HmacFormat::stripe().signature_header(&of.signature_header);
            (&of.signature_header, format)
        }
        Scheme::Slack(of) => (&of.signature_header, slack(of)),
        Scheme::Hmac(of) => (&of.signature_header, hmac(of)),
    };
    Some((name.to_ascii_lowercase(), format))
}

fn github(of: &GitHubScheme) -> HmacFormat {
    // Not from the signer's own, whose other headers could not be left out.
    let format = HmacFormat::new(&of.signature_header).prefix("sha256=");
    let format = given(format, of.delivery_header.as_deref(), HmacFormat::id_header);
    given(
        format,
        of.event_header.as_deref(),
        HmacFormat::event_type_header,
    )
}

fn slack(of: &SlackScheme) -> HmacFormat {
    let format = HmacFormat::new(&of.signature_header)
        .prefix("v0=")
        .timestamp_header(&of.timestamp_header)
        .signed_content("v0:{timestamp}:{body}");
    given(format, of.retry_header.as_deref(), HmacFormat::retry_header)
}

fn hmac(of: &HmacScheme) -> HmacFormat {
    let format = HmacFormat::new(&of.signature_header)
        .prefix(&of.prefix)
        .signed_content(&of.content.to_string())
        .encoding(match of.encoding {
            Encoding::Hex => postrider_verify::Encoding::Hex,
            Encoding::Base64 => postrider_verify::Encoding::Base64,
        })
        .hash(match of.algorithm {
            Digest::Sha256 => postrider_verify::Hash::Sha256,
            Digest::Sha512 => postrider_verify::Hash::Sha512,
        });
    let format = given(format, of.id_header.as_deref(), HmacFormat::id_header);
    let format = given(
        format,
        of.timestamp_header.as_deref(),
        HmacFormat::timestamp_header,
    );
    given(
        format,
        of.event_header.as_deref(),
        HmacFormat::event_type_header,
    )
}

/// The format with one more header, if it has a name.
fn given(
    format: HmacFormat,
    name: Option<&str>,
    with: fn(HmacFormat, &str) -> HmacFormat,
) -> HmacFormat {
    match name {
        Some(name) => with(format, name),
        None => format,
    }
}

#[cfg(test)]
mod tests;
