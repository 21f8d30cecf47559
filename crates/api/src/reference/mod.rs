//! The API reference: what the OpenAPI document says, in the order in which people read it.
//! Printed twice: as the page that the server shows ([`html`]) and as `docs/api`.

pub(crate) mod html;

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::openapi::OpenApi;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// All that there is to say of the API. Texts hold code between backticks.
#[derive(Debug)]
pub struct Reference {
    /// What the API is called.
    pub title: String,
    /// What holds for all of it; paragraphs.
    pub about: String,
    /// Operations by their tags, in the order of these.
    pub groups: BTreeMap<String, Vec<OperationDoc>>,
    /// What goes over the wire, by name.
    pub schemas: BTreeMap<String, Schema>,
}

/// What can be asked of the API.
#[derive(Debug)]
pub struct OperationDoc {
    /// Such as `v1.endpoint.create`.
    pub id: String,
    /// The HTTP method, in small letters.
    pub method: &'static str,
    /// With its parameters between braces.
    pub path: String,
    /// A headline.
    pub summary: String,
    /// What it does; paragraphs.
    pub about: String,
    /// Of the path, the query and the headers.
    pub parameters: Vec<ParameterDoc>,
    /// What the request carries, if it carries anything.
    pub body: Option<Body>,
    /// What it answers, by status.
    pub answers: Vec<AnswerDoc>,
}

/// A parameter of an operation.
#[derive(Debug)]
pub struct ParameterDoc {
    /// By which name it is given.
    pub name: String,
    /// `path`, `query` or `header`.
    pub place: String,
    /// What it may be.
    pub kind: ValueKind,
    /// What it does.
    pub about: String,
}

/// A request's body.
#[derive(Debug)]
pub struct Body {
    /// Most often the name of a schema.
    pub kind: ValueKind,
    /// One that works.
    pub example: Option<Value>,
}

/// An answer of an operation.
#[derive(Debug)]
pub struct AnswerDoc {
    /// The HTTP status.
    pub status: String,
    /// What it carries, if anything.
    pub body: Option<AnswerBody>,
    /// When it is answered.
    pub about: String,
}

/// What an answer carries.
#[derive(Debug)]
pub enum AnswerBody {
    /// JSON of this kind.
    Json(ValueKind),
    /// Something else, of this content type.
    Other(String),
}

/// What goes over the wire under a name.
#[derive(Debug)]
pub struct Schema {
    /// What it is; paragraphs.
    pub about: String,
    /// Its fields, where it is an object.
    pub fields: Vec<Field>,
    /// What it is made of, or which of these it is.
    pub parts: Vec<Part>,
}

/// A part of a schema.
#[derive(Debug)]
pub enum Part {
    /// Fields that stand in no schema of their own.
    Fields(Vec<Field>),
    /// Another schema.
    Value(ValueKind),
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its name on the wire.
    pub name: String,
    /// Whether it is always there.
    pub is_required: bool,
    /// What it may be.
    pub kind: ValueKind,
    /// What it means.
    pub about: String,
}

/// What a value may be.
#[derive(Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// The schema of this name.
    Named(String),
    /// A type of JSON, or what a text is.
    Plain(String),
    /// Many of one kind.
    ArrayOf(Box<Self>),
    /// One of these.
    OneOf(Vec<Self>),
}

impl Reference {
    /// What the document says.
    pub(crate) fn of(document: &OpenApi) -> Self {
        // The document is made of types that always are JSON.
        let document = serde_json::to_value(document).unwrap_or_default();
        let mut groups: BTreeMap<String, Vec<OperationDoc>> = BTreeMap::new();
        for (path, item) in entries(&document["paths"]) {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    let tag = text(&operation["tags"][0]);
                    let operation = OperationDoc::of(method, path, operation);
                    groups.entry(tag).or_default().push(operation);
                }
            }
        }
        let schemas = entries(&document["components"]["schemas"]);
        Self {
            title: text(&document["info"]["title"]),
            about: text(&document["info"]["description"]),
            groups,
            schemas: schemas
                .map(|(name, schema)| (name.clone(), Schema::of(schema)))
                .collect(),
        }
    }
}

impl OperationDoc {
    fn of(method: &'static str, path: &str, operation: &Value) -> Self {
        let body = &operation["requestBody"]["content"]["application/json"];
        Self {
            id: text(&operation["operationId"]),
            method,
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            about: text(&operation["description"]),
            parameters: items(&operation["parameters"])
                .map(ParameterDoc::of)
                .collect(),
            body: body.is_object().then(|| Body {
                kind: ValueKind::of(&body["schema"]),
                example: body.get("example").cloned(),
            }),
            answers: entries(&operation["responses"])
                .map(|(status, answer)| AnswerDoc::of(status, answer))
                .collect(),
        }
    }
}

impl ParameterDoc {
    fn of(parameter: &Value) -> Self {
        Self {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            kind: ValueKind::of(&parameter["schema"]),
            about: text(&parameter["description"]),
        }
    }
}

impl AnswerDoc {
    fn of(status: &str, answer: &Value) -> Self {
        let first = entries(&answer["content"]).next();
        Self {
            status: status.to_owned(),
            body: first.map(|(content_type, body)| {
                if body["schema"].is_object() {
                    AnswerBody::Json(ValueKind::of(&body["schema"]))
                } else {
                    AnswerBody::Other(content_type.clone())
                }
            }),
            about: text(&answer["description"]),
        }
    }
}

impl Schema {
    fn of(schema: &Value) -> Self {
        let parts = ["allOf", "oneOf"].map(|key| items(&schema[key]));
        let part = |part: &Value| {
            if part["properties"].is_object() {
                Part::Fields(Field::all(part))
            } else {
                Part::Value(ValueKind::of(part))
            }
        };
        Self {
            about: text(&schema["description"]),
            fields: Field::all(schema),
            parts: parts.into_iter().flatten().map(part).collect(),
        }
    }
}

impl Field {
    fn all(schema: &Value) -> Vec<Self> {
        let required: Vec<&Value> = items(&schema["required"]).collect();
        entries(&schema["properties"])
            .map(|(name, property)| Self {
                name: name.clone(),
                is_required: required.iter().any(|required| **required == *name),
                kind: ValueKind::of(property),
                about: text(&property["description"]),
            })
            .collect()
    }
}

impl ValueKind {
    fn of(schema: &Value) -> Self {
        if let Some(path) = schema["$ref"].as_str() {
            let name = path.rsplit('/').next().unwrap_or(path);
            return Self::Named(name.to_owned());
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if schema[key].is_array() {
                return Self::OneOf(items(&schema[key]).map(Self::of).collect());
            }
        }
        let plain = |name: &str| match (name, schema["format"].as_str()) {
            ("array", _) => Self::ArrayOf(Box::new(Self::of(&schema["items"]))),
            ("string", Some(format)) => Self::Plain(format.to_owned()),
            _ => Self::Plain(name.to_owned()),
        };
        match &schema["type"] {
            Value::String(one) => plain(one),
            Value::Array(all) => {
                Self::OneOf(all.iter().filter_map(Value::as_str).map(plain).collect())
            }
            _ => Self::Plain("any".to_owned()),
        }
    }
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_every_operation_and_every_schema_that_one_names() {
        let reference = Reference::of(&crate::openapi());
        let ids: Vec<&str> = reference
            .groups
            .values()
            .flatten()
            .map(|operation| operation.id.as_str())
            .collect();
        for operation in crate::routes::table() {
            assert!(ids.contains(&operation.id), "{}", operation.id);
        }
        for operation in reference.groups.values().flatten() {
            if let Some(Body {
                kind: ValueKind::Named(name),
                ..
            }) = &operation.body
            {
                assert!(reference.schemas.contains_key(name), "{name}");
            }
        }
    }

    #[test]
    fn a_kind_is_told_in_the_words_of_its_schema() {
        let read = |schema| ValueKind::of(&schema);
        let plain = |name: &str| ValueKind::Plain(name.to_owned());
        assert_eq!(
            read(serde_json::json!({"type": "integer"})),
            plain("integer")
        );
        assert_eq!(
            read(serde_json::json!({"type": "string", "format": "date-time"})),
            plain("date-time")
        );
        assert_eq!(
            read(serde_json::json!({"type": ["array", "null"], "items": {"$ref": "#/a/B"}})),
            ValueKind::OneOf(vec![
                ValueKind::ArrayOf(Box::new(ValueKind::Named("B".to_owned()))),
                plain("null")
            ])
        );
        assert_eq!(read(serde_json::json!({})), plain("any"));
    }
}
