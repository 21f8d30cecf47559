//! API keys of an organisation.

use http::{Method, StatusCode};
use postrider_domain::{KeyId, Timestamp, names};
use postrider_store::{NewKey, Page};
use serde_json::json;

use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, InField};
use crate::operation::Operation;
use crate::request::page::ListOut;
use crate::request::time;
use crate::wire::key::{KeyIn, KeyOut, NewKeyOut};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/key", "v1.key.list", list)
            .says("List keys", "Every key of the organisation, revoked ones too, oldest first, on one page. Secrets are not shown.")
            .lists::<KeyOut>("The keys"),
        Operation::new(Method::POST, "/api/v1/key", "v1.key.create", create)
            .says("Create a key", "The secret is in this answer only.")
            .takes::<KeyIn>(json!({"name": "billing service", "readOnly": false}))
            .answers::<NewKeyOut>(201, "The key and its secret"),
        Operation::new(Method::DELETE, "/api/v1/key/{key_id}", "v1.key.revoke", revoke)
            .says("Revoke a key", "It stops working within a second, on every node.")
            .answers_nothing(204, "It is revoked"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Key"))
    .collect()
}

async fn list(call: Call<OrgWide>) -> ApiResult<Answer> {
    let rows = call.shared.store.keys(call.access.org).await?;
    let page = Page { rows, done: true };
    Answer::ok(&ListOut::new(page, |key| key.id.to_string(), KeyOut::from))
}

async fn create(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json::<KeyIn>()?;
    names::check_display_name(&body.name).in_field("name")?;
    let (store, org) = (&call.shared.store, call.access.org);
    let expires_at = body
        .expires_at
        .as_deref()
        .map(|text| expiry(text, store.clock().now()))
        .transpose()?;
    let app_id = match &body.app_id {
        Some(name) => Some(application(&call, name).await?),
        None => None,
    };
    let new = NewKey {
        name: body.name,
        app_id,
        read_only: body.read_only,
        expires_at,
    };
    let (key, secret) = store.create_key(org, new).await?;
    let out = NewKeyOut {
        key: secret.expose().to_owned(),
        rest: key.into(),
    };
    Answer::json(StatusCode::CREATED, &out)
}

async fn application(call: &Call<OrgWide>, name: &str) -> ApiResult<postrider_domain::AppId> {
    use postrider_store::StoreError;
    match call.shared.store.app(call.access.org, name).await {
        Ok(app) => Ok(app.id),
        Err(StoreError::NotFound(_)) => {
            let shown: String = name.chars().take(100).collect();
            Err(ApiError::invalid_field(
                "appId",
                format!("{shown:?} is no application: give the id or uid of one, or leave it out"),
            ))
        }
        Err(error) => Err(error.into()),
    }
}

fn expiry(text: &str, now: Timestamp) -> ApiResult<Timestamp> {
    time::parse(text).filter(|time| *time > now).ok_or_else(|| {
        let shown: String = text.chars().take(100).collect();
        ApiError::invalid_field(
            "expiresAt",
            format!("{shown:?} is not allowed: give a time to come such as 2030-01-31T12:00:00Z"),
        )
    })
}

async fn revoke(call: Call<OrgWide>) -> ApiResult<Answer> {
    let id: KeyId = call
        .segment("key_id")?
        .parse()
        .map_err(|_| ApiError::not_found("Entity not found"))?;
    call.shared
        .store
        .revoke_key(Some(call.access.org), id)
        .await?;
    Ok(Answer::nothing())
}
