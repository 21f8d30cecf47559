//! The OpenAPI document, made from the table of operations.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ComponentsBuilder, KnownFormat, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, Deprecated, InfoBuilder, LicenseBuilder, ObjectBuilder, OpenApi,
    OpenApiBuilder, PathItem, PathsBuilder, Ref, RefOr, Required, Response, ResponsesBuilder,
    Schema,
};
use utoipa::{PartialSchema, ToSchema};

use crate::access::Requires;
use crate::error::Code;
use crate::operation::{Operation, SchemaOf};
use crate::request::param::{Kind, Parameter};
use crate::wire::problem::{ErrorCode, ErrorOut, FaultOut, ValidationErrorOut};

const SECURITY: &str = "apiKey";

/// The description of an API of these operations, OpenAPI 3.1.
pub(crate) fn document(table: &[Operation]) -> OpenApi {
    let mut paths: BTreeMap<&str, PathItem> = BTreeMap::new();
    let mut schemas: BTreeMap<String, RefOr<Schema>> = BTreeMap::new();
    for operation in table {
        let item = PathItem::new(method(operation), describe(operation));
        match paths.get_mut(operation.path) {
            Some(known) => known.merge_operations(item),
            None => {
                paths.insert(operation.path, item);
            }
        }
        for of in operation
            .answers
            .iter()
            .filter_map(|answer| answer.schema.as_ref())
            .chain(operation.body.iter().map(|(of, _)| of))
        {
            schemas.insert(of.name.clone(), of.schema.clone());
            schemas.extend(of.nested.iter().cloned());
        }
    }
    schemas.insert(ErrorOut::name().into_owned(), ErrorOut::schema());
    schemas.insert(ErrorCode::name().into_owned(), ErrorCode::schema());
    schemas.insert(FaultOut::name().into_owned(), FaultOut::schema());
    schemas.insert(
        ValidationErrorOut::name().into_owned(),
        ValidationErrorOut::schema(),
    );
    let paths = paths
        .into_iter()
        .fold(PathsBuilder::new(), |paths, (path, item)| {
            paths.path(path, item)
        })
        .build();
    let scheme = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "An API key or a token: `Authorization: Bearer prk_...`",
        ))
        .build();
    let components = ComponentsBuilder::new()
        .schemas_from_iter(schemas)
        .security_scheme(SECURITY, SecurityScheme::Http(scheme))
        .build();
    OpenApiBuilder::new()
        .info(info())
        .paths(paths)
        .components(Some(components))
        .build()
}

fn info() -> utoipa::openapi::Info {
    InfoBuilder::new()
        .title("Postrider")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Sends webhooks. Publish a message to an application, and every endpoint of it that wants the event gets it, signed as Standard Webhooks says, at least once, always under the same id.\n\nEvery answer carries `x-request-id`. Every failure is JSON: `code` is one of a closed list of words, `detail` says what to do. A trailing slash is accepted everywhere, unknown fields are ignored, and where a path takes an id it takes your own `uid` or `eventId` too. Every POST honours `idempotency-key`.",
        ))
        .license(Some(
            LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build(),
        ))
        .build()
}

fn method(operation: &Operation) -> HttpMethod {
    match operation.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn describe(operation: &Operation) -> OperationBuilder {
    let about = match operation.need {
        Requires::Nobody => format!("{} Open to everybody.", operation.about),
        Requires::Anybody | Requires::Oneself => {
            format!("{} Open to every key and token.", operation.about)
        }
        Requires::Organisation => format!("{} Needs a key of the organisation.", operation.about),
        Requires::OrganisationSecrets => format!(
            "{} Needs a key of the organisation that may write.",
            operation.about
        ),
        Requires::Application => format!(
            "{} Needs a key of the organisation or of this application.",
            operation.about
        ),
        Requires::ApplicationSecrets => format!(
            "{} Needs a key or token of the organisation or of this application that may see secrets.",
            operation.about
        ),
    };
    let by_application = matches!(
        operation.need,
        Requires::Anybody | Requires::Application | Requires::ApplicationSecrets
    );
    let about = match operation.capability() {
        _ if !by_application => about,
        Some(capability) => format!(
            "{about} A token needs the capability `{}`.",
            capability.word()
        ),
        None => format!("{about} A token needs every capability."),
    };
    let mut builder = OperationBuilder::new()
        .operation_id(Some(operation.id))
        .tag(operation.tag)
        .summary(Some(operation.summary))
        .description(Some(about))
        .deprecated(operation.is_deprecated.then_some(Deprecated::True))
        .responses(responses(operation));
    for name in segments(operation.path) {
        builder = builder.parameter(path_parameter(name));
    }
    for param in operation.params() {
        builder = builder.parameter(query_parameter(*param));
    }
    if operation.method == http::Method::POST && operation.need != Requires::Nobody {
        builder = builder.parameter(idempotency_parameter());
    }
    if let Some((schema, example)) = &operation.body {
        builder = builder.request_body(Some(
            RequestBodyBuilder::new()
                .required(Some(if operation.body_is_optional {
                    Required::False
                } else {
                    Required::True
                }))
                .content(
                    "application/json",
                    json(Some(schema), Some(example.clone())),
                )
                .build(),
        ));
    }
    match operation.need {
        Requires::Nobody => builder,
        _ => builder.security(SecurityRequirement::new(SECURITY, Vec::<String>::new())),
    }
}

/// The names in braces of a path's template.
pub(crate) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(name: &str) -> ParameterBuilder {
    let about = match name {
        "app_id" => "The application: its id or uid",
        "endpoint_id" => "The endpoint: its id or uid",
        "msg_id" => "The message: its id or eventId",
        "attempt_id" => "The attempt: its id",
        "event_type_name" => "The event type: its name",
        "task_id" => "The background task: its id",
        "key_id" => "The key: its id, not its secret",
        "inbox_id" => "The inbox: its id",
        _ => "",
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(about))
        .schema(Some(text()))
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

fn query_parameter(param: &dyn Parameter) -> ParameterBuilder {
    let schema: RefOr<Schema> = match param.kind() {
        Kind::Flag(default) => ObjectBuilder::new()
            .schema_type(Type::Boolean)
            .default(Some(Value::Bool(default)))
            .into(),
        Kind::Number {
            min,
            max,
            absent: default,
        } => ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(min))
            .maximum(Some(max))
            .default(Some(Value::from(default)))
            .into(),
        Kind::Time => text()
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into(),
        Kind::Text => text().into(),
        Kind::List => ArrayBuilder::new().items(text()).into(),
        Kind::Order(_) => text().enum_values(Some(["ascending", "descending"])).into(),
        Kind::Word(words) => text().enum_values(Some(words.iter().copied())).into(),
        Kind::Status => numbers([0, 1, 2, 3, 4].to_vec()),
        Kind::StatusClass => numbers([0, 100, 200, 300, 400, 500].to_vec()),
    };
    let list = matches!(param.kind(), Kind::List);
    ParameterBuilder::new()
        .name(param.name())
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(param.about()))
        .explode(list.then_some(false))
        .schema(Some(schema))
}

fn numbers(values: Vec<i32>) -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some(values))
        .into()
}

fn idempotency_parameter() -> ParameterBuilder {
    ParameterBuilder::new()
        .name("idempotency-key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "1 to 256 characters. A repeat with the same key and body gets the first answer, for 12 hours (10 minutes for keys that begin with `auto_`); with another body 409.",
        ))
        .schema(Some(text().min_length(Some(1)).max_length(Some(256))))
}

fn json(schema: Option<&SchemaOf>, example: Option<Value>) -> utoipa::openapi::Content {
    let schema: Option<RefOr<Schema>> =
        schema.map(|of| RefOr::Ref(Ref::from_schema_name(of.name.clone())));
    ContentBuilder::new()
        .schema(schema)
        .example(example)
        .build()
}

fn responses(operation: &Operation) -> utoipa::openapi::Responses {
    let mut builder = ResponsesBuilder::new();
    for answer in &operation.answers {
        let mut response = ResponseBuilder::new().description(answer.about);
        if !answer.content_type.is_empty() {
            response = response.content(
                answer.content_type,
                json(answer.schema.as_ref(), answer.example.clone()),
            );
        }
        builder = builder.response(answer.status.as_str(), response.build());
    }
    let mut failures: BTreeMap<u16, Vec<&'static str>> = BTreeMap::new();
    for code in codes(operation) {
        let words = failures.entry(code.status().as_u16()).or_default();
        if !words.contains(&code.word()) {
            words.push(code.word());
        }
    }
    for (status, words) in failures {
        let has_answer = operation
            .answers
            .iter()
            .any(|answer| answer.status.as_u16() == status);
        if !has_answer {
            builder = builder.response(status.to_string(), failure(status, &words));
        }
    }
    builder.build()
}

fn failure(status: u16, words: &[&str]) -> Response {
    let schema = if status == Code::Validation.status().as_u16() {
        ValidationErrorOut::name()
    } else {
        ErrorOut::name()
    };
    let schema: RefOr<Schema> = RefOr::Ref(Ref::from_schema_name(schema.into_owned()));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    ResponseBuilder::new()
        .description(words.join(", "))
        .content("application/json", content)
        .build()
}

/// Every code that the operation can answer.
fn codes(operation: &Operation) -> Vec<Code> {
    let mut codes = vec![
        Code::Generic,
        Code::Validation,
        Code::Internal,
        Code::Unavailable,
    ];
    if operation.need != Requires::Nobody {
        codes.extend([Code::BadToken, Code::Unauthenticated, Code::Forbidden]);
    }
    if operation.path.contains('{') || operation.path == "/metrics" {
        codes.push(Code::NotFound);
    }
    if operation.body.is_some() {
        codes.extend([Code::Timeout, Code::TooLarge]);
    }
    if operation.method == http::Method::POST && operation.need != Requires::Nobody {
        codes.extend([Code::Conflict, Code::IdempotencyMismatch]);
    }
    codes.extend(operation.codes);
    codes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{openapi, openapi_json, routes};

    #[test]
    fn every_operation_is_described_under_its_path_and_method() {
        let document: Value = serde_json::from_str(&openapi().to_json().unwrap()).unwrap();
        let mut ids = BTreeSet::new();
        for operation in routes::table() {
            let method = operation.method.as_str().to_ascii_lowercase();
            let described = &document["paths"][operation.path][&method];
            assert_eq!(described["operationId"], operation.id);
            assert!(
                !operation.answers.is_empty()
                    && !operation.summary.is_empty()
                    && !operation.tag.is_empty(),
                "{}",
                operation.id
            );
            assert!(ids.insert(operation.id), "{} comes twice", operation.id);
            let secured = !described["security"].is_null();
            assert_eq!(
                secured,
                operation.need != Requires::Nobody,
                "{}",
                operation.id
            );
        }
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let text = openapi().to_json().unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        for part in text.split("\"$ref\":\"#/components/schemas/").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(!document["components"]["schemas"][name].is_null(), "{name}");
        }
    }

    #[test]
    fn what_needs_no_key_is_a_short_list() {
        let open: Vec<&str> = routes::table()
            .iter()
            .filter(|operation| operation.need == Requires::Nobody)
            .map(|operation| operation.path)
            .collect();
        assert_eq!(
            open,
            [
                "/api/v1/auth/portal-exchange",
                "/api/v1/auth/console-exchange",
                "/api/v1/health",
                "/api/v1/health/ping",
                "/metrics",
                "/api/v1/openapi.json",
                "/docs"
            ]
        );
    }

    #[test]
    fn the_checked_in_document_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../openapi.json");
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            checked_in == openapi_json().unwrap(),
            "openapi.json is not what the code says: run `cargo xtask regen`"
        );
    }
}
