//! Custom headers of endpoints.

use std::collections::BTreeMap;

use http::Method;
use postrider_domain::Capability;
use postrider_store::{Endpoint, Refusal, StoreError};
use serde_json::json;

use super::RACES;
use super::endpoint::{named, outrun};
use crate::access::OfApp;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiResult, InField};
use crate::operation::Operation;
use crate::wire::endpoint::headers::{HeadersIn, HeadersOut, HeadersPatch, checked_headers};

const PATH: &str = "/api/v1/app/{app_id}/endpoint/{endpoint_id}/headers";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, PATH, "v1.endpoint.get-headers", get)
            .says(
                "Get an endpoint's custom headers",
                "Headers that carry credentials, such as `authorization`, are listed by name only.",
            )
            .answers::<HeadersOut>(200, "The headers"),
        Operation::new(Method::PUT, PATH, "v1.endpoint.update-headers", put)
            .says(
                "Replace an endpoint's custom headers",
                "They are sent with every delivery from then on.",
            )
            .takes::<HeadersIn>(json!({"headers": {"x-team": "billing"}}))
            .asks(Capability::ManageEndpoint)
            .answers_nothing(204, "They are replaced"),
        Operation::new(Method::PATCH, PATH, "v1.endpoint.patch-headers", patch)
            .says(
                "Change an endpoint's custom headers",
                "Sets those that the body names; null removes one; others stay.",
            )
            .takes::<HeadersPatch>(json!({"headers": {"x-team": null}}))
            .asks(Capability::ManageEndpoint)
            .answers_nothing(204, "They are changed"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Endpoint"))
    .collect()
}

async fn get(call: Call<OfApp>) -> ApiResult<Answer> {
    Answer::ok(&HeadersOut::from(named(&call).await?.settings.headers))
}

/// Sets what `change` makes of the endpoint's headers, made anew where somebody else was
/// faster. They may not bear the names of headers that sign.
async fn set(
    call: &Call<OfApp>,
    change: impl Fn(&Endpoint) -> ApiResult<BTreeMap<String, String>> + Sync,
) -> ApiResult<Answer> {
    let store = &call.shared.store;
    for _ in 0..RACES {
        let endpoint = named(call).await?;
        let headers = change(&endpoint)?;
        endpoint
            .settings
            .signature_scheme
            .check_beside(headers.keys().map(String::as_str))
            .in_field("headers")?;
        let (app, revision) = (call.access.app.id, Some(endpoint.revision));
        match store
            .set_endpoint_headers(app, endpoint.id, revision, headers)
            .await
        {
            Err(StoreError::Conflict(Refusal::EndpointRevision)) => {}
            set => return Ok(set.map(|()| Answer::nothing())?),
        }
    }
    Err(outrun())
}

async fn put(call: Call<OfApp>) -> ApiResult<Answer> {
    let headers = checked_headers(call.json::<HeadersIn>()?.headers)?;
    set(&call, |_| Ok(headers.clone())).await
}

async fn patch(call: Call<OfApp>) -> ApiResult<Answer> {
    let patch = call.json::<HeadersPatch>()?;
    set(&call, |endpoint| {
        patch.clone().applied_to(endpoint.settings.headers.clone())
    })
    .await
}
