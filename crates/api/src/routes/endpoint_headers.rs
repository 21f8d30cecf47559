//! Custom headers of endpoints.

use std::collections::BTreeMap;

use http::Method;
use postrider_domain::{Capability, Schemes};
use serde_json::json;

use super::endpoint::named;
use crate::access::OfApp;
use crate::call::{Answer, Call};
use crate::error::{ApiResult, InField};
use crate::operation::Operation;
use crate::wire::endpoint_headers::{HeadersIn, HeadersOut, HeadersPatch, checked_headers};

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
    Answer::ok(&HeadersOut::from(named(&call).await?.headers))
}

/// Custom headers may not bear the names of headers that sign.
fn beside(schemes: &Schemes, headers: &BTreeMap<String, String>) -> ApiResult<()> {
    schemes
        .check_beside(headers.keys().map(String::as_str))
        .in_field("headers")
}

async fn put(call: Call<OfApp>) -> ApiResult<Answer> {
    let headers = checked_headers(call.json::<HeadersIn>()?.headers)?;
    let endpoint = named(&call).await?;
    beside(&endpoint.signature_scheme, &headers)?;
    let store = &call.shared.store;
    store
        .set_endpoint_headers(call.access.app.id, endpoint.id, headers)
        .await?;
    Ok(Answer::nothing())
}

async fn patch(call: Call<OfApp>) -> ApiResult<Answer> {
    let patch = call.json::<HeadersPatch>()?;
    let endpoint = named(&call).await?;
    let headers = patch.applied_to(endpoint.headers)?;
    beside(&endpoint.signature_scheme, &headers)?;
    let store = &call.shared.store;
    store
        .set_endpoint_headers(call.access.app.id, endpoint.id, headers)
        .await?;
    Ok(Answer::nothing())
}
