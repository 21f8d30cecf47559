//! Signing secrets of endpoints: what receivers verify with, and rotation.

use std::time::Duration;

use http::Method;
use postrider_domain::{AppId, Capability, EndpointId, SchemeKind, Schemes};
use postrider_store::{Endpoint, NewSecret, Secret, StoredSecret, entropy, random_hex};
use postrider_verify::{Scheme, SigningKey};
use serde_json::json;

use super::endpoint::named;
use crate::access::{AppSecrets, OfApp};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code, InField};
use crate::operation::Operation;
use crate::request::param::Param;
use crate::state::{Shared, SignatureKind};
use crate::wire::endpoint::secret::{RotateIn, SecretOut};

/// The longest grace of a replaced secret, in seconds: a week.
const MAX_GRACE: u64 = 604_800;
/// The grace unless asked: a day.
const DEFAULT_GRACE: i64 = 86_400;

const SCHEME: Param<Option<&'static str>> = Param::word(
    "scheme",
    &["standard", "github", "stripe", "slack", "hmac"],
    "Which scheme's secret: that of the endpoint's first if absent",
);

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "replacedUntil": []});
    vec![
        Operation::new(Method::GET, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", "v1.endpoint.get-secret", get)
            .says("Get an endpoint's secret", "What the receiver verifies with: the secret itself, or the public key of an Ed25519 key. Each type of `signatureScheme` has a secret of its own.")
            .query(&[&SCHEME])
            .asks(Capability::ViewEndpointSecret)
            .answers::<SecretOut>(200, "The secret")
            .example(example())
            .tag("Endpoint"),
        Operation::new(Method::POST, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", "v1.endpoint.rotate-secret", rotate)
            .says("Rotate an endpoint's secret", "Makes a new secret the current one. For a while deliveries are signed with the old one too, where they can carry several signatures (`standard`, `stripe`); elsewhere the new one signs alone at once. Without `key` the new one is of the old one's kind.")
            .asks(Capability::ManageEndpointSecret)
            .may_take::<RotateIn>(json!({"gracePeriodSeconds": 86400}))
            .answers::<SecretOut>(200, "What the receiver verifies with from now on")
            .example(example())
            .fails(&[Code::LimitReached])
            .tag("Endpoint"),
    ]
}

/// A secret that a caller brings for a kind of scheme, if it can be one.
fn checked(scheme: SchemeKind, text: String, field: &str) -> ApiResult<NewSecret> {
    if scheme != SchemeKind::Standard {
        scheme.check_text_secret(&text).in_field(field)?;
    } else if let Err(error) = SigningKey::parse(&text) {
        return Err(ApiError::invalid_field(
            field,
            format!(
                "{error}: give whsec_ and base64 of 24 to 75 bytes, or whsk_ and base64 of an Ed25519 key pair of 64 bytes, or leave it out"
            ),
        ));
    }
    Ok(NewSecret {
        scheme,
        text: Secret::new(text),
    })
}

/// A new secret of the standard scheme.
pub(super) fn made(kind: SignatureKind) -> String {
    match kind {
        SignatureKind::Hmac256 => SigningKey::generate_hmac(entropy()),
        SignatureKind::Ed25519 => SigningKey::generate_ed25519(entropy()),
    }
    .to_secret_string()
}

/// A new secret of a kind of scheme; `kind` is for the standard one. Of others it is 32
/// random bytes as hexadecimal digits, which every receiver's library takes as they are.
fn made_for(scheme: SchemeKind, kind: SignatureKind) -> NewSecret {
    let text = if scheme == SchemeKind::Standard {
        made(kind)
    } else {
        random_hex::<32>()
    };
    NewSecret {
        scheme,
        text: Secret::new(text),
    }
}

/// The first secrets of the kinds of schemes that have none in `kept`: those of `given`,
/// which came with the schemes, or new ones. `first` came with the endpoint, for its first.
pub(super) fn first_secrets(
    schemes: &Schemes,
    first: Option<String>,
    given: Vec<NewSecret>,
    kept: &[StoredSecret],
    kind: SignatureKind,
) -> ApiResult<Vec<NewSecret>> {
    let mut secrets = Vec::new();
    if let Some(text) = first {
        secrets.push(checked(schemes.first_kind(), text, "secret")?);
    }
    for secret in given {
        let word = secret.scheme.word();
        let refuse = |why: &str| {
            let msg = format!("secret: {word} has one already: {why}");
            Err(ApiError::invalid_field("signatureScheme", msg))
        };
        if kept.iter().any(|kept| kept.scheme == secret.scheme) {
            return refuse("leave it out here and use POST .../secret/rotate");
        }
        if secrets
            .iter()
            .any(|other: &NewSecret| other.scheme == secret.scheme)
        {
            return refuse("leave out the one beside signatureScheme, or this one");
        }
        let text = secret.text.expose().to_owned();
        secrets.push(checked(secret.scheme, text, "signatureScheme")?);
    }
    for scheme in schemes.kinds() {
        let known = secrets.iter().any(|secret| secret.scheme == scheme);
        if !known && kept.iter().all(|kept| kept.scheme != scheme) {
            secrets.push(made_for(scheme, kind));
        }
    }
    Ok(secrets)
}

/// What a receiver verifies with.
fn shown(scheme: SchemeKind, secret: &str) -> ApiResult<String> {
    if scheme != SchemeKind::Standard {
        return Ok(secret.to_owned());
    }
    let key = SigningKey::parse(secret).map_err(ApiError::internal)?;
    Ok(match key.scheme() {
        // As the caller wrote it, padding and all.
        Scheme::V1 => secret.to_owned(),
        _ => key.verifying_string(),
    })
}

/// What the receiver verifies with now in a kind of scheme, and until when replaced
/// secrets sign too.
pub(super) async fn answer(
    shared: &Shared,
    endpoint: EndpointId,
    scheme: SchemeKind,
) -> ApiResult<Answer> {
    let secrets = shared.store.secrets(endpoint).await?;
    let mut of_scheme = secrets.iter().filter(|secret| secret.scheme == scheme);
    let current = of_scheme
        .next()
        .ok_or_else(|| ApiError::not_found("Entity not found"))?;
    Answer::ok(&SecretOut {
        key: shown(scheme, current.text.expose())?,
        replaced_until: of_scheme.filter_map(|old| old.expires_at).collect(),
    })
}

/// The secret of a kind of scheme that signs now.
async fn current_of(shared: &Shared, endpoint: &Endpoint, scheme: SchemeKind) -> ApiResult<String> {
    let secrets = shared.store.secrets(endpoint.id).await?;
    let secret = secrets
        .into_iter()
        .find(|secret| secret.scheme == scheme)
        .ok_or_else(|| ApiError::not_found("Entity not found"))?;
    Ok(secret.text.expose().to_owned())
}

/// The kind of scheme that a caller means, which the endpoint must have.
fn meant(endpoint: &Endpoint, said: Option<SchemeKind>) -> Result<SchemeKind, String> {
    let schemes = &endpoint.settings.signature_scheme;
    let scheme = said.unwrap_or_else(|| schemes.first_kind());
    if schemes.has(scheme) {
        return Ok(scheme);
    }
    let words: Vec<_> = schemes.kinds().into_iter().map(SchemeKind::word).collect();
    Err(format!(
        "{:?} is no scheme of this endpoint: give {}, or leave it out",
        scheme.word(),
        words.join(" or ")
    ))
}

async fn get(call: Call<AppSecrets>) -> ApiResult<Answer> {
    let call = call.of_app();
    let said = call.query.get(&SCHEME)?.and_then(SchemeKind::of_word);
    let endpoint = named(&call).await?;
    let scheme = meant(&endpoint, said).map_err(|msg| ApiError::invalid_query("scheme", msg))?;
    answer(&call.shared, endpoint.id, scheme).await
}

async fn rotate(call: Call<OfApp>) -> ApiResult<Answer> {
    let body = call.json_or_nothing::<RotateIn>()?;
    let endpoint = named(&call).await?;
    renew(&call.shared, call.access.app.id, &endpoint, body).await
}

/// Makes a new secret the current one, and answers with it.
pub(super) async fn renew(
    shared: &Shared,
    app: AppId,
    endpoint: &Endpoint,
    body: RotateIn,
) -> ApiResult<Answer> {
    let scheme = meant(endpoint, body.scheme.map(SchemeKind::from))
        .map_err(|msg| ApiError::invalid_field("scheme", msg))?;
    let grace = grace_of(scheme, body.grace_period_seconds)?;
    let given = body
        .key
        .map(|key| checked(scheme, key, "key"))
        .transpose()?;
    let old = current_of(shared, endpoint, scheme).await?;
    let new = given.unwrap_or_else(|| {
        let kind = match SigningKey::parse(&old).map(|key| key.scheme()) {
            Ok(Scheme::V1) => SignatureKind::Hmac256,
            Ok(Scheme::V1a) => SignatureKind::Ed25519,
            _ => shared.settings.default_signature,
        };
        made_for(scheme, kind)
    });
    shared
        .store
        .rotate_secret(app, endpoint.id, &new, grace)
        .await?;
    answer(shared, endpoint.id, scheme).await
}

/// For how long the old secret signs too. Where a delivery carries one signature only, it
/// cannot, and who asks for it must know.
fn grace_of(scheme: SchemeKind, said: Option<i64>) -> ApiResult<Duration> {
    if scheme.carries_several() {
        return grace(said.unwrap_or(DEFAULT_GRACE));
    }
    let asked = grace(said.unwrap_or(0))?;
    if asked.is_zero() {
        return Ok(asked);
    }
    let msg = format!(
        "a {} delivery carries one signature, so that the new secret signs alone at once: give 0 or leave it out, and let the receiver accept both secrets before",
        scheme.word()
    );
    Err(ApiError::invalid_field("gracePeriodSeconds", msg))
}

fn grace(seconds: i64) -> ApiResult<Duration> {
    u64::try_from(seconds)
        .ok()
        .filter(|seconds| *seconds <= MAX_GRACE)
        .map(Duration::from_secs)
        .ok_or_else(|| {
            let msg = format!("{seconds} is out of bounds: give 0 to {MAX_GRACE} seconds");
            ApiError::invalid_field("gracePeriodSeconds", msg)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDARD: SchemeKind = SchemeKind::Standard;

    #[test]
    fn a_made_secret_is_one_and_an_ed25519_key_shows_its_public_half() {
        let hmac = made(SignatureKind::Hmac256);
        assert!(hmac.starts_with("whsec_"));
        assert_eq!(shown(STANDARD, &hmac).unwrap(), hmac);
        let pair = made(SignatureKind::Ed25519);
        assert!(pair.starts_with("whsk_"));
        assert!(shown(STANDARD, &pair).unwrap().starts_with("whpk_"));
        for scheme in SchemeKind::ALL {
            let new = made_for(scheme, SignatureKind::Hmac256);
            let text = new.text.expose();
            assert!(checked(scheme, text.to_owned(), "key").is_ok());
            assert_eq!(shown(scheme, text).unwrap(), text);
        }
    }

    #[test]
    fn a_bad_secret_is_refused_without_showing_it() {
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "topsecret", "whpk_AAAA"] {
            for scheme in [STANDARD, SchemeKind::GitHub] {
                let error = checked(scheme, bad.to_owned(), "secret").unwrap_err();
                let fault = &error.faults()[0];
                assert_eq!(fault.loc, ["body", "secret"]);
                assert!(!fault.msg.contains("topsecret"), "{fault:?}");
            }
        }
    }

    #[test]
    fn each_new_kind_of_scheme_gets_the_secret_that_came_or_a_new_one() {
        let schemes: Schemes = serde_json::from_str(r#"["github","standard"]"#).unwrap();
        let text = |text: &str| Secret::new(text.to_owned());
        let given = |scheme| {
            vec![NewSecret {
                scheme,
                text: text("0123456789abcdef"),
            }]
        };
        let first = |first: Option<&str>, given, kept: &[StoredSecret]| {
            let first = first.map(str::to_owned);
            first_secrets(&schemes, first, given, kept, SignatureKind::Hmac256)
        };
        let made = first(Some("fedcba9876543210"), Vec::new(), &[]).unwrap();
        assert_eq!(made[0].text, text("fedcba9876543210"));
        assert_eq!(
            (made[0].scheme, made[1].scheme),
            (SchemeKind::GitHub, STANDARD)
        );
        let made = first(None, given(SchemeKind::GitHub), &[]).unwrap();
        assert_eq!((made.len(), &made[0].text), (2, &text("0123456789abcdef")));
        let twice = first(Some("fedcba9876543210"), given(SchemeKind::GitHub), &[]);
        assert_eq!(twice.unwrap_err().faults()[0].loc[1], "signatureScheme");
        let kept = [StoredSecret {
            id: postrider_domain::SecretId::mint(postrider_domain::Timestamp::default()),
            scheme: SchemeKind::GitHub,
            text: text("the old secret of the receiver"),
            created_at: postrider_domain::Timestamp::default(),
            expires_at: None,
        }];
        let added = first(None, Vec::new(), &kept).unwrap();
        assert_eq!((added.len(), added[0].scheme), (1, STANDARD));
        let again = first(None, given(SchemeKind::GitHub), &kept).unwrap_err();
        assert!(again.faults()[0].msg.contains("secret/rotate"));
    }

    #[test]
    fn a_grace_is_at_most_a_week_and_none_where_one_signature_is_all() {
        assert!(grace(0).is_ok() && grace(604_800).is_ok());
        assert!(grace(-1).is_err() && grace(604_801).is_err());
        let day = Duration::from_hours(24);
        assert_eq!(grace_of(SchemeKind::Stripe, None).unwrap(), day);
        assert_eq!(grace_of(SchemeKind::Slack, None).unwrap(), Duration::ZERO);
        assert!(grace_of(SchemeKind::Slack, Some(1)).is_err());
        assert!(grace_of(SchemeKind::Hmac, Some(-1)).is_err());
    }
}
