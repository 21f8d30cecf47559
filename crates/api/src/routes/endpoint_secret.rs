//! Signing secrets of endpoints: what receivers verify with, and rotation.

use std::time::Duration;

use http::Method;
use postrider_domain::{AppId, Capability, EndpointId};
use postrider_verify::{Scheme, SigningKey};
use serde_json::json;

use super::endpoint::named;
use crate::access::{OfApp, OfAppInFull};
use crate::call::{Answer, Call};
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::state::{Shared, SignatureKind};
use crate::wire::endpoint_out::{RotateIn, SecretOut};

/// The longest grace of a replaced secret, in seconds: a week.
const MAX_GRACE: u64 = 604_800;
/// The grace unless asked: a day.
const DEFAULT_GRACE: i64 = 86_400;

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "replacedUntil": []});
    vec![
        Operation::new(Method::GET, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret", "v1.endpoint.get-secret", get)
            .says("Get an endpoint's secret", "What the receiver verifies with: the secret itself, or the public key of an Ed25519 key.")
            .asks(Capability::ViewEndpointSecret)
            .answers::<SecretOut>(200, "The secret")
            .example(example())
            .tag("Endpoint"),
        Operation::new(Method::POST, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/secret/rotate", "v1.endpoint.rotate-secret", rotate)
            .says("Rotate an endpoint's secret", "Makes a new secret the current one. For a while deliveries are signed with the old one too. Without `key` the new one is of the old one's kind.")
            .asks(Capability::ManageEndpointSecret)
            .may_take::<RotateIn>(json!({"gracePeriodSeconds": 86400}))
            .answers::<SecretOut>(200, "What the receiver verifies with from now on")
            .example(example())
            .fails(&[Code::LimitReached])
            .tag("Endpoint"),
    ]
}

/// A secret that a caller brings, if it is one.
pub(super) fn checked(text: String, field: &str) -> ApiResult<String> {
    match SigningKey::parse(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(ApiError::invalid_field(
            field,
            format!(
                "{error}: give whsec_ and base64 of 24 to 75 bytes, or whsk_ and base64 of an Ed25519 key pair of 64 bytes, or leave it out"
            ),
        )),
    }
}

/// A new secret.
pub(super) fn made(kind: SignatureKind) -> String {
    let random = rand::random();
    match kind {
        SignatureKind::Hmac256 => SigningKey::generate_hmac(random),
        SignatureKind::Ed25519 => SigningKey::generate_ed25519(random),
    }
    .to_secret_string()
}

/// What a receiver verifies with.
fn shown(secret: &str) -> ApiResult<String> {
    let key = SigningKey::parse(secret).map_err(ApiError::internal)?;
    Ok(match key.scheme() {
        // As the caller wrote it, padding and all.
        Scheme::V1 => secret.to_owned(),
        _ => key.verifying_string(),
    })
}

/// What the receiver verifies with now, and until when replaced secrets sign too.
pub(super) async fn answer(shared: &Shared, endpoint: EndpointId) -> ApiResult<Answer> {
    let secrets = shared.store.secrets(endpoint).await?;
    let (current, replaced) = secrets
        .split_first()
        .ok_or_else(|| ApiError::not_found("Entity not found"))?;
    Answer::ok(&SecretOut {
        key: shown(current.text.expose())?,
        replaced_until: replaced.iter().filter_map(|old| old.expires_at).collect(),
    })
}

/// The secret that signs now.
async fn current_of(shared: &Shared, endpoint: EndpointId) -> ApiResult<String> {
    let secrets = shared.store.secrets(endpoint).await?;
    let secret = secrets
        .into_iter()
        .next()
        .ok_or_else(|| ApiError::not_found("Entity not found"))?;
    Ok(secret.text.expose().to_owned())
}

async fn get(call: Call<OfAppInFull>) -> ApiResult<Answer> {
    let call = call.of_app();
    answer(&call.shared, named(&call).await?.id).await
}

async fn rotate(call: Call<OfApp>) -> ApiResult<Answer> {
    let body = call.json_or_nothing::<RotateIn>()?;
    let endpoint = named(&call).await?.id;
    renew(&call.shared, call.access.app.id, endpoint, body).await
}

/// Makes a new secret the current one, and answers with it.
pub(super) async fn renew(
    shared: &Shared,
    app: AppId,
    endpoint: EndpointId,
    body: RotateIn,
) -> ApiResult<Answer> {
    let grace = grace(body.grace_period_seconds.unwrap_or(DEFAULT_GRACE))?;
    let given = body.key.map(|key| checked(key, "key")).transpose()?;
    let old = current_of(shared, endpoint).await?;
    let new = given.unwrap_or_else(|| {
        made(match SigningKey::parse(&old).map(|key| key.scheme()) {
            Ok(Scheme::V1) => SignatureKind::Hmac256,
            Ok(Scheme::V1a) => SignatureKind::Ed25519,
            _ => shared.settings.default_signature,
        })
    });
    shared
        .store
        .rotate_secret(app, endpoint, &new, grace)
        .await?;
    answer(shared, endpoint).await
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

    #[test]
    fn a_made_secret_is_one_and_an_ed25519_key_shows_its_public_half() {
        let hmac = made(SignatureKind::Hmac256);
        assert!(hmac.starts_with("whsec_"));
        assert_eq!(shown(&hmac).unwrap(), hmac);
        let pair = made(SignatureKind::Ed25519);
        assert!(pair.starts_with("whsk_"));
        assert!(shown(&pair).unwrap().starts_with("whpk_"));
    }

    #[test]
    fn a_bad_secret_is_refused_without_showing_it() {
        for bad in ["", "whsec_", "whsec_c2hvcnQ=", "topsecret", "whpk_AAAA"] {
            let error = checked(bad.to_owned(), "secret").unwrap_err();
            let fault = &error.faults()[0];
            assert_eq!(fault.loc, ["body", "secret"]);
            assert!(!fault.msg.contains("topsecret"), "{fault:?}");
        }
    }

    #[test]
    fn a_grace_is_at_most_a_week() {
        assert!(grace(0).is_ok() && grace(604_800).is_ok());
        assert!(grace(-1).is_err() && grace(604_801).is_err());
    }
}
