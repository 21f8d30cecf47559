//! What the API can do, for machines and for people.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{Method, StatusCode};

use crate::access::Public;
use crate::answer::{Answer, HTML};
use crate::call::Call;
use crate::error::{ApiError, ApiResult};
use crate::openapi;
use crate::operation::Operation;
use crate::reference::html;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, "/api/v1/openapi.json", "openapi", document)
            .says(
                "Read this document",
                "The OpenAPI 3.1 description of this API.",
            )
            .answers_text("The document", "application/json"),
        Operation::new(Method::GET, "/docs", "docs", page)
            .says("Read this document as a page", "The same, for people.")
            .answers_text("The page", HTML),
    ]
    .into_iter()
    .map(|operation| operation.tag("Reference"))
    .collect()
}

async fn document(_: Call<Public>) -> ApiResult<Answer> {
    static DOCUMENT: OnceLock<Bytes> = OnceLock::new();
    if let Some(document) = DOCUMENT.get() {
        return Ok(Answer::raw(StatusCode::OK, document.clone()));
    }
    let document = openapi::document(&super::table())
        .to_json()
        .map_err(ApiError::internal)?;
    let document = DOCUMENT.get_or_init(|| document.into());
    Ok(Answer::raw(StatusCode::OK, document.clone()))
}

async fn page(_: Call<Public>) -> ApiResult<Answer> {
    static PAGE: OnceLock<Bytes> = OnceLock::new();
    let body = PAGE
        .get_or_init(|| html::page(&crate::reference()).into())
        .clone();
    Ok(Answer::text(HTML, body))
}
