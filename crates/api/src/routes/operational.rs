//! Operational webhooks: where an organisation hears of its own endpoints and deliveries.

use http::{Method, StatusCode};
use postrider_domain::{AppId, EndpointId, SchemeKind, Schemes};
use postrider_store::{
    Endpoint, EndpointUpdate, Entity, NewEndpoint, Page, Refusal, StoreError, StoreResult,
};
use serde_json::json;

use super::{RACES, endpoint_secret};
use crate::access::{OrgSecrets, OrgWide};
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::page::{self, ITERATOR, LIMIT, ListOut, ORDER};
use crate::wire::endpoint::headers::{HeadersIn, HeadersOut, checked_headers};
use crate::wire::endpoint::secret::{RotateIn, SecretOut};
use crate::wire::endpoint::{Rules, secret_is_rotated};
use crate::wire::operational::{OperationalEndpointIn, OperationalEndpointOut};

const ALL: &str = "/api/v1/operational-webhook/endpoint";
const ONE: &str = "/api/v1/operational-webhook/endpoint/{endpoint_id}";
const HEADERS: &str = "/api/v1/operational-webhook/endpoint/{endpoint_id}/headers";
const SECRET: &str = "/api/v1/operational-webhook/endpoint/{endpoint_id}/secret";
const ROTATE: &str = "/api/v1/operational-webhook/endpoint/{endpoint_id}/secret/rotate";

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"url": "https://example.com/operations", "eventTypes": ["endpoint.disabled", "message.attempt.exhausted"]});
    let secret = || json!({"key": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"});
    vec![
        Operation::new(Method::GET, ALL, "v1.operational-webhook.endpoint.list", list)
            .says("List operational endpoints", "All operational endpoints of the organisation, newest first.")
            .query(&[&LIMIT, &ITERATOR, &ORDER])
            .lists::<OperationalEndpointOut>("A page of operational endpoints"),
        Operation::new(Method::POST, ALL, "v1.operational-webhook.endpoint.create", create)
            .says("Create an operational endpoint", "Makes an endpoint that hears of the organisation's own endpoints and deliveries: `endpoint.created`, `endpoint.updated`, `endpoint.deleted`, `endpoint.disabled`, `message.attempt.failing` (the fourth failure), `message.attempt.exhausted` (the last) and `message.attempt.recovered` (a success after one of these). They are signed, repeated and recorded as all deliveries are.")
            .takes::<OperationalEndpointIn>(example())
            .answers::<OperationalEndpointOut>(201, "It was made")
            .fails(&[Code::Conflict]),
        Operation::new(Method::GET, ONE, "v1.operational-webhook.endpoint.get", get)
            .says("Get an operational endpoint", "One operational endpoint, by id or uid.")
            .answers::<OperationalEndpointOut>(200, "The endpoint"),
        Operation::new(Method::PUT, ONE, "v1.operational-webhook.endpoint.update", put)
            .says("Replace an operational endpoint", "Replaces everything that you may set, or makes an endpoint if there is none. Left out, `headers` stay as they are.")
            .takes::<OperationalEndpointIn>(example())
            .answers::<OperationalEndpointOut>(200, "It was replaced")
            .answers::<OperationalEndpointOut>(201, "It was made")
            .fails(&[Code::Conflict]),
        Operation::new(Method::DELETE, ONE, "v1.operational-webhook.endpoint.delete", delete)
            .says("Delete an operational endpoint", "Deletes it and cancels what waits for it; its uid is free again.")
            .answers_nothing(204, "It is deleted"),
        Operation::new(Method::GET, HEADERS, "v1.operational-webhook.endpoint.get-headers", get_headers)
            .says("Get an operational endpoint's custom headers", "Headers that carry credentials, such as `authorization`, are listed by name only.")
            .answers::<HeadersOut>(200, "The headers"),
        Operation::new(Method::PUT, HEADERS, "v1.operational-webhook.endpoint.update-headers", put_headers)
            .says("Replace an operational endpoint's custom headers", "They are sent with every delivery from then on.")
            .takes::<HeadersIn>(json!({"headers": {"x-team": "billing"}}))
            .answers_nothing(204, "They are replaced"),
        Operation::new(Method::GET, SECRET, "v1.operational-webhook.endpoint.get-secret", get_secret)
            .says("Get an operational endpoint's secret", "What the receiver verifies with: the secret itself, or the public key of an Ed25519 key.")
            .answers::<SecretOut>(200, "The secret")
            .example(secret()),
        Operation::new(Method::POST, ROTATE, "v1.operational-webhook.endpoint.rotate-secret", rotate)
            .says("Rotate an operational endpoint's secret", "Makes a new secret the current one. For a while deliveries are signed with the old one too.")
            .takes::<RotateIn>(json!({"gracePeriodSeconds": 86400}))
            .answers::<SecretOut>(200, "What the receiver verifies with from now on")
            .example(secret())
            .fails(&[Code::LimitReached]),
    ]
    .into_iter()
    .map(|operation| operation.tag("Operational Webhook"))
    .collect()
}

/// The endpoint that the path names, and the hidden application that it is of.
async fn find(call: &Call<OrgWide>) -> StoreResult<(AppId, Endpoint)> {
    let store = &call.shared.store;
    let app = store.operational_app(call.access.org).await?;
    let app = app.ok_or(StoreError::NotFound(Entity::Endpoint))?;
    let name = call
        .segment("endpoint_id")
        .map_err(|_| StoreError::NotFound(Entity::Endpoint))?;
    Ok((app, store.endpoint(app, name).await?))
}

async fn list(call: Call<OrgWide>) -> ApiResult<Answer> {
    let order = call.query.get(&ORDER)?;
    let request = page::request::<EndpointId>(&call.query, order)?;
    let store = &call.shared.store;
    let page = match store.operational_app(call.access.org).await? {
        Some(app) => store.endpoints(app, request).await?,
        None => Page {
            rows: Vec::new(),
            done: true,
        },
    };
    Answer::ok(&ListOut::new(
        page,
        |endpoint| endpoint.id.to_string(),
        OperationalEndpointOut::from,
    ))
}

async fn create(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json::<OperationalEndpointIn>()?;
    make(&call, body).await
}

/// Operational endpoints are the organisation's own and signed as the standard says.
fn rules<'a>(call: &Call<OrgWide>, standard: &'a Schemes) -> Rules<'a> {
    Rules {
        https_only: call.shared.settings.https_only,
        default_scheme: standard,
    }
}

async fn make(call: &Call<OrgWide>, body: OperationalEndpointIn) -> ApiResult<Answer> {
    let (api, store) = (&call.shared.settings, &call.shared.store);
    let mut body = body.into_endpoint()?;
    let secret = body.secret.take();
    let standard = Schemes::default();
    let settings = body.checked(None, rules(call, &standard))?;
    let (given, kept) = (Vec::new(), &[]);
    let kind = api.default_signature;
    let secrets = endpoint_secret::first_secrets(&standard, secret, given, kept, kind)?;
    let new = NewEndpoint { settings, secrets };
    let app = store.ensure_operational_app(call.access.org).await?;
    let endpoint = store.create_endpoint(app, new).await?;
    Answer::json(StatusCode::CREATED, &OperationalEndpointOut::from(endpoint))
}

async fn get(call: Call<OrgWide>) -> ApiResult<Answer> {
    Answer::ok(&OperationalEndpointOut::from(find(&call).await?.1))
}

async fn put(call: Call<OrgWide>) -> ApiResult<Answer> {
    for _ in 0..RACES {
        let body = call.json::<OperationalEndpointIn>()?;
        let (app, endpoint) = match find(&call).await {
            Ok(found) => found,
            Err(StoreError::NotFound(_)) => return make(&call, body).await,
            Err(error) => return Err(error.into()),
        };
        let body = body.into_endpoint()?;
        if body.secret.is_some() {
            return Err(secret_is_rotated());
        }
        let standard = Schemes::default();
        let update = EndpointUpdate {
            settings: body.checked(Some(endpoint.settings.clone()), rules(&call, &standard))?,
            revision: endpoint.revision,
            secrets: Vec::new(),
        };
        let store = &call.shared.store;
        match store.update_endpoint(app, endpoint.id, update).await {
            Ok(endpoint) => return Answer::ok(&OperationalEndpointOut::from(endpoint)),
            Err(StoreError::Conflict(Refusal::EndpointRevision)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::from(StoreError::Conflict(
        Refusal::EndpointRevision,
    )))
}

async fn delete(call: Call<OrgWide>) -> ApiResult<Answer> {
    let (app, endpoint) = find(&call).await?;
    call.shared.store.delete_endpoint(app, endpoint.id).await?;
    Ok(Answer::nothing())
}

async fn get_headers(call: Call<OrgWide>) -> ApiResult<Answer> {
    Answer::ok(&HeadersOut::from(find(&call).await?.1.settings.headers))
}

async fn put_headers(call: Call<OrgWide>) -> ApiResult<Answer> {
    let headers = checked_headers(call.json::<HeadersIn>()?.headers)?;
    let (app, endpoint) = find(&call).await?;
    let store = &call.shared.store;
    store
        .set_endpoint_headers(app, endpoint.id, None, headers)
        .await?;
    Ok(Answer::nothing())
}

async fn get_secret(call: Call<OrgSecrets>) -> ApiResult<Answer> {
    let call = call.org_wide();
    let (_, endpoint) = find(&call).await?;
    endpoint_secret::answer(&call.shared, endpoint.id, SchemeKind::Standard).await
}

async fn rotate(call: Call<OrgWide>) -> ApiResult<Answer> {
    let body = call.json_or_nothing::<RotateIn>()?;
    let (app, endpoint) = find(&call).await?;
    endpoint_secret::renew(&call.shared, app, &endpoint, body).await
}
