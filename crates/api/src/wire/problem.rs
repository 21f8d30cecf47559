//! Errors as the OpenAPI document shows them.
#![expect(dead_code, reason = "described, never built")]

use utoipa::openapi::schema::Type;
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::error::Code;

/// The closed list of words.
pub(crate) struct ErrorCode;

impl PartialSchema for ErrorCode {
    fn schema() -> RefOr<Schema> {
        let words = Code::ALL
            .iter()
            .filter(|code| **code != Code::Validation)
            .map(|code| code.word());
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(words))
            .description(Some("What kind of failure it is."))
            .into()
    }
}

impl ToSchema for ErrorCode {}

/// Why a request failed.
#[derive(ToSchema)]
pub(crate) struct ErrorOut {
    /// One of a closed list of words.
    #[schema(example = "not_found")]
    code: ErrorCode,
    /// What happened and what to do about it.
    #[schema(example = "Application not found")]
    detail: String,
}

/// Which values of a request are not allowed.
#[derive(ToSchema)]
pub(crate) struct ValidationErrorOut {
    /// Always `validation_error`.
    #[schema(example = "validation_error")]
    code: String,
    /// One entry for each wrong value.
    detail: Vec<FaultOut>,
}

/// One wrong value.
#[derive(ToSchema)]
pub(crate) struct FaultOut {
    /// Where it stands: `body`, `query` or `header`, then field names and indices.
    #[schema(example = json!(["body", "throttleRate"]))]
    loc: Vec<String>,
    /// What is wrong and what is allowed instead.
    #[schema(example = "0 is out of bounds: give 1 to 65535 messages per second")]
    msg: String,
    /// The kind of fault.
    #[schema(example = "value_error")]
    r#type: String,
}
