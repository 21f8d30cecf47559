//! Event types out of an OpenAPI document: one for each of its webhooks.
//!
//! What a schema refers to within the document is carried along in its `definitions`, so
//! that each schema stands alone; nothing outside the document is ever fetched.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::event_type::EventTypeIn;
use super::patch::Patch;
use crate::error::{ApiError, ApiResult, Fault, VALUE_ERROR};

/// Event types that one document may have.
const MAX_EVENT_TYPES: usize = 1000;
/// Bytes of all their schemas together.
const MAX_SCHEMAS: usize = 8 * 1024 * 1024;
/// Schemas that one schema may carry along.
const MAX_DEFINITIONS: usize = 2000;
/// What references lead to references to, at most.
const MAX_HOPS: usize = 32;
/// Events that aliases of a YAML document may unfold to.
const MAX_UNFOLDED: usize = 100_000;
/// Values that hold anything, also what looks like a reference.
const OPAQUE: &[&str] = &["examples", "example", "default", "enum", "const"];
/// Methods that a webhook's operation may have, the usual one first.
const METHODS: &[&str] = &["post", "put", "patch", "get", "delete"];
const JSON: &str = "application/json";

/// Reads a document that is YAML or JSON.
pub(crate) fn parse(text: &str) -> ApiResult<Value> {
    let options = serde_saphyr::options! {
        with_snippet: false,
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_UNFOLDED },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let msg: String = format!("neither YAML nor JSON: {error}: correct it")
            .chars()
            .take(500)
            .collect();
        ApiError::invalid_field("specRaw", msg)
    })
}

/// A document, and the field of the body that brought it.
struct Document<'a> {
    root: &'a Value,
    field: &'static str,
}

/// The document's event types, by name.
pub(crate) fn event_types(root: &Value, field: &'static str) -> ApiResult<Vec<EventTypeIn>> {
    let document = Document { root, field };
    let version = root.get("openapi").and_then(Value::as_str);
    if !version.is_some_and(|version| version.starts_with("3.")) {
        return Err(document.fault(
            &["openapi"],
            "missing, or not a version that we know: give an OpenAPI document of version 3",
        ));
    }
    let webhooks = ["webhooks", "x-webhooks"]
        .iter()
        .find_map(|&name| root.get(name).map(|value| (name, value)));
    let Some((at, webhooks)) = webhooks else {
        let msg = "missing: describe webhooks in it (OpenAPI 3.1), or in x-webhooks (3.0)";
        return Err(document.fault(&["webhooks"], msg));
    };
    let webhooks = webhooks
        .as_object()
        .ok_or_else(|| document.fault(&[at], "not an object: give webhooks by name"))?;
    if webhooks.len() > MAX_EVENT_TYPES {
        let msg = format!(
            "{} webhooks are too many: give at most {MAX_EVENT_TYPES} at once",
            webhooks.len()
        );
        return Err(document.fault(&[at], msg));
    }
    let (mut all, mut names, mut bytes) = (Vec::new(), BTreeSet::new(), 0);
    for (name, item) in webhooks.iter().filter(|(name, _)| !name.starts_with("x-")) {
        let event_type = document.event_type(&[at, name], name, item)?;
        bytes += event_type.schemas.as_ref().map_or(0, |raw| raw.get().len());
        if bytes > MAX_SCHEMAS {
            let msg =
                format!("the schemas take more than {MAX_SCHEMAS} bytes: import fewer at once");
            return Err(document.fault(&[at, name], msg));
        }
        if !names.insert(event_type.name.clone()) {
            let msg = format!("two webhooks are named {:?}: rename one", event_type.name);
            return Err(document.fault(&[at, name], msg));
        }
        all.push(event_type);
    }
    Ok(all)
}

impl Document<'_> {
    fn fault(&self, at: &[&str], msg: impl Into<String>) -> ApiError {
        let loc: Vec<&str> = ["body", self.field]
            .into_iter()
            .chain(at.iter().copied())
            .collect();
        ApiError::invalid(vec![Fault::new(&loc, msg, VALUE_ERROR)])
    }

    fn event_type(&self, at: &[&str], name: &str, item: &Value) -> ApiResult<EventTypeIn> {
        let item = self.resolved(at, item)?;
        let operation = METHODS
            .iter()
            .find_map(|&method| item.get(method).map(|operation| (method, operation)));
        let Some((method, operation)) = operation else {
            return Err(self.fault(at, "no operation: describe what is sent under post"));
        };
        let at: Vec<&str> = at.iter().copied().chain([method]).collect();
        let text = |name: &str| operation.get(name).and_then(Value::as_str);
        let schemas = self
            .schema(&at, operation)?
            .map(|schema| serde_json::json!({ "1": schema }));
        let event_type = EventTypeIn {
            name: Some(name.to_owned()),
            description: text("description")
                .or_else(|| text("summary"))
                .unwrap_or_default()
                .to_owned(),
            archived: false,
            deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
            schemas: schemas
                .map(|schemas| RawValue::from_string(schemas.to_string()))
                .transpose()
                .map_err(ApiError::internal)?,
            feature_flags: None,
            feature_flag: None,
            group_name: None,
            retry_policy: Patch::default(),
        };
        Ok(event_type)
    }

    /// The schema of what an operation sends, standing alone.
    fn schema(&self, at: &[&str], operation: &Value) -> ApiResult<Option<Value>> {
        let Some(body) = operation.get("requestBody") else {
            return Ok(None);
        };
        let body = self.resolved(at, body)?;
        let content = body.get("content").and_then(Value::as_object);
        let media = content.and_then(|content| {
            content.get(JSON).or_else(|| {
                content
                    .iter()
                    .find(|(kind, _)| kind.contains("json"))
                    .map(|one| one.1)
            })
        });
        let Some(media) = media else {
            return Ok(None);
        };
        let Some(schema) = media.get("schema") else {
            return Ok(None);
        };
        let mut carried = Carried::default();
        let mut schema = self.standing_alone(at, schema, &mut carried)?;
        if let Some(top) = schema.as_object_mut() {
            let examples = self.examples(at, media)?;
            if !examples.is_empty() && !top.contains_key("examples") {
                // Beside a reference draft 7 reads nothing.
                if let Some(reference) = top.remove("$ref") {
                    top.insert(
                        "allOf".to_owned(),
                        serde_json::json!([{ "$ref": reference }]),
                    );
                }
                top.insert("examples".to_owned(), examples.into());
            }
        }
        let definitions = self.definitions(at, carried)?;
        if let (Some(top), false) = (schema.as_object_mut(), definitions.is_empty()) {
            if let Some(reference) = top.remove("$ref") {
                top.insert(
                    "allOf".to_owned(),
                    serde_json::json!([{ "$ref": reference }]),
                );
            }
            top.insert("definitions".to_owned(), Value::Object(definitions));
        }
        Ok(Some(schema))
    }

    /// The examples beside a schema.
    fn examples(&self, at: &[&str], media: &Value) -> ApiResult<Vec<Value>> {
        if let Some(one) = media.get("example") {
            return Ok(vec![one.clone()]);
        }
        let mut examples = Vec::new();
        for example in media
            .get("examples")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            let value = self.resolved(at, example.1)?.get("value");
            examples.extend(value.cloned());
        }
        Ok(examples)
    }

    /// What a value is or, if it is a reference, what that leads to.
    fn resolved<'v>(&'v self, at: &[&str], mut value: &'v Value) -> ApiResult<&'v Value> {
        for _ in 0..MAX_HOPS {
            match value.get("$ref").and_then(Value::as_str) {
                Some(reference) => value = self.lookup(at, reference)?,
                None => return Ok(value),
            }
        }
        Err(self.fault(at, "a $ref that leads to itself: let it lead to a value"))
    }

    fn lookup(&self, at: &[&str], reference: &str) -> ApiResult<&Value> {
        let shown: String = reference.chars().take(200).collect();
        let Some(pointer) = reference.strip_prefix('#') else {
            let msg = format!(
                "the $ref {shown:?} leads out of the document, which is never followed: put what it means into the document"
            );
            return Err(self.fault(at, msg));
        };
        self.root.pointer(pointer).ok_or_else(|| {
            let msg = format!("the $ref {shown:?} leads nowhere: correct it");
            self.fault(at, msg)
        })
    }

    /// A copy of a schema whose references lead to what it carries along.
    fn standing_alone(
        &self,
        at: &[&str],
        schema: &Value,
        carried: &mut Carried,
    ) -> ApiResult<Value> {
        match schema {
            Value::Array(items) => items
                .iter()
                .map(|item| self.standing_alone(at, item, carried))
                .collect::<ApiResult<Vec<_>>>()
                .map(Value::Array),
            Value::Object(fields) => {
                let mut copy = Map::new();
                for (name, value) in fields {
                    let value = match value.as_str() {
                        Some(reference) if name == "$ref" => {
                            self.lookup(at, reference)?;
                            carried.name_of(reference).into()
                        }
                        _ if OPAQUE.contains(&name.as_str()) => value.clone(),
                        _ => self.standing_alone(at, value, carried)?,
                    };
                    copy.insert(name.clone(), value);
                }
                as_draft_7(&mut copy);
                Ok(Value::Object(copy))
            }
            other => Ok(other.clone()),
        }
    }

    /// All that a schema carries along, and what that carries along in turn.
    fn definitions(&self, at: &[&str], mut carried: Carried) -> ApiResult<Map<String, Value>> {
        let mut definitions = Map::new();
        while let Some(reference) = carried.waiting.pop() {
            if definitions.len() >= MAX_DEFINITIONS {
                let msg = format!("more than {MAX_DEFINITIONS} schemas are referred to: use fewer");
                return Err(self.fault(at, msg));
            }
            let name = carried.names[&reference].clone();
            let schema = self.lookup(at, &reference)?;
            let schema = self.standing_alone(at, schema, &mut carried)?;
            definitions.insert(name, schema);
        }
        Ok(definitions)
    }
}

/// What a schema refers to.
#[derive(Default)]
struct Carried {
    /// The name in `definitions`, by reference.
    names: BTreeMap<String, String>,
    taken: BTreeSet<String>,
    /// References that have a name and no definition yet.
    waiting: Vec<String>,
}

impl Carried {
    /// Where a reference leads from now on.
    fn name_of(&mut self, reference: &str) -> String {
        if !self.names.contains_key(reference) {
            let last = reference.rsplit('/').next().unwrap_or_default();
            let base: String = last
                .chars()
                .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
                .take(100)
                .collect();
            let mut name = base.clone();
            let mut number = 2;
            while !self.taken.insert(name.clone()) {
                name = format!("{base}_{number}");
                number += 1;
            }
            self.names.insert(reference.to_owned(), name);
            self.waiting.push(reference.to_owned());
        }
        format!("#/definitions/{}", self.names[reference])
    }
}

/// Writes what OpenAPI 3.0 says in words of its own as JSON Schema does.
fn as_draft_7(schema: &mut Map<String, Value>) {
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        schema.remove("nullable");
        if let Some(Value::String(kind)) = schema.get("type") {
            let kinds = serde_json::json!([kind, "null"]);
            schema.insert("type".to_owned(), kinds);
        }
    }
    for (bound, exclusive) in [
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ] {
        match schema.get(exclusive) {
            Some(Value::Bool(true)) => {
                schema.remove(exclusive);
                if let Some(value) = schema.remove(bound) {
                    schema.insert(exclusive.to_owned(), value);
                }
            }
            Some(Value::Bool(false)) => {
                schema.remove(exclusive);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    fn read(spec: &Value) -> ApiResult<Vec<EventTypeIn>> {
        event_types(spec, "spec")
    }

    fn schemas(event_type: &EventTypeIn) -> Value {
        serde_json::from_str(event_type.schemas.as_ref().expect("schemas").get()).expect("JSON")
    }

    fn of(schema: &Value) -> Value {
        json!({"openapi": "3.1.0", "webhooks": {"a.b": {"post": {
            "summary": "s", "deprecated": true,
            "requestBody": {"content": {"application/json": {"schema": schema, "example": {"id": 1}}}}}}},
            "components": {"schemas": {
                "Tree": {"type": "object", "properties": {"left": {"$ref": "#/components/schemas/Tree"}, "n": {"$ref": "#/components/schemas/N"}}},
                "N": {"type": "integer", "nullable": true, "minimum": 1, "exclusiveMinimum": true}}}})
    }

    #[test]
    fn what_a_schema_refers_to_is_carried_along_even_round_and_round() {
        let read = read(&of(&json!({"$ref": "#/components/schemas/Tree"}))).unwrap();
        assert_eq!(
            schemas(&read[0])["1"],
            json!({
                "allOf": [{"$ref": "#/definitions/Tree"}],
                "examples": [{"id": 1}],
                "definitions": {
                    "Tree": {"type": "object", "properties": {"left": {"$ref": "#/definitions/Tree"}, "n": {"$ref": "#/definitions/N"}}},
                    "N": {"type": ["integer", "null"], "exclusiveMinimum": 1}
                }
            })
        );
        assert!(read[0].deprecated);
        assert_eq!(read[0].description, "s");
    }

    #[test]
    fn yaml_and_json_are_read_alike_and_bombs_are_refused() {
        let spec = "openapi: '3.0.3'\nx-webhooks:\n  user.made:\n    post:\n      description: d\n";
        let read = event_types(&parse(spec).unwrap(), "specRaw").unwrap();
        assert_eq!(read[0].name.as_deref(), Some("user.made"));
        assert_eq!(
            parse(r#"{"openapi": "3.1.0"}"#).unwrap(),
            json!({"openapi": "3.1.0"})
        );
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for n in 1..12 {
            let refers = format!("*a{},", n - 1).repeat(9);
            let refers = refers.trim_end_matches(',');
            writeln!(bomb, "a{n}: &a{n} [{refers}]").unwrap();
        }
        let deep = "[".repeat(50_000);
        for bad in [bomb.as_str(), deep.as_str(), "a: [", "\0", "a: b: c"] {
            let error = parse(bad).unwrap_err();
            assert_eq!(error.faults()[0].loc, ["body", "specRaw"]);
        }
    }

    #[test]
    fn wrong_documents_are_refused_where_they_are_wrong() {
        let post =
            |operation: Value| json!({"openapi": "3.1.0", "webhooks": {"a": {"post": operation}}});
        let with = |schema: Value| {
            post(json!({"requestBody": {"content": {"application/json": {"schema": schema}}}}))
        };
        for (spec, at) in [
            (json!({}), "body.spec.openapi"),
            (json!([]), "body.spec.openapi"),
            (json!({"openapi": "2.0"}), "body.spec.openapi"),
            (json!({"openapi": "3.1.0"}), "body.spec.webhooks"),
            (
                json!({"openapi": "3.1.0", "webhooks": []}),
                "body.spec.webhooks",
            ),
            (
                json!({"openapi": "3.1.0", "webhooks": {"a": {}}}),
                "body.spec.webhooks.a",
            ),
            (
                json!({"openapi": "3.1.0", "webhooks": {"a": {"$ref": "#/webhooks/a"}}}),
                "body.spec.webhooks.a",
            ),
            (
                with(json!({"$ref": "https://example.com/s.json"})),
                "body.spec.webhooks.a.post",
            ),
            (
                with(json!({"properties": {"x": {"$ref": "#/nowhere"}}})),
                "body.spec.webhooks.a.post",
            ),
        ] {
            let error = read(&spec).unwrap_err();
            assert_eq!(error.faults()[0].loc.join("."), at, "{spec}");
        }
        // An example may look like a reference.
        assert!(
            read(&with(
                json!({"examples": [{"$ref": "https://example.com"}]})
            ))
            .is_ok()
        );
    }
}
