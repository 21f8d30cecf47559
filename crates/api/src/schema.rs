//! JSON Schemas of event types: compiled and asked within bounds, and never fetched.
//!
//! Whoever writes a schema shares the server with others. A reference leads to a place
//! in the same schema or nowhere; patterns have a size and a number of steps; and a
//! schema whose references unfold to more than is reasonable is not taken.

use std::collections::HashMap;
use std::sync::Arc;

use jsonschema::{PatternOptions, Validator};
use moka::sync::Cache;
use postrider_domain::{EventTypeId, Timestamp};
use postrider_store::EventTypeConfig;
use serde_json::Value;

use crate::error::{ApiError, ApiResult, Fault, VALUE_ERROR};

/// The most patterns of a schema, and the most bytes that one takes compiled.
const MAX_PATTERNS: usize = 64;
const PATTERN_SIZE: usize = 256 * 1024;
/// The most steps of a pattern that looks around or back.
const PATTERN_STEPS: usize = 10_000;
/// The most places of a schema, each counted as often as references lead to it.
const MAX_PLACES: usize = 20_000;
/// What compiled schemas weigh together, at most: bytes, roughly.
const CACHE: u64 = 32 << 20;
/// How much of a fault's words is passed on, in characters.
const MAX_WORDS: usize = 400;

/// A schema that payloads can be checked against.
pub(crate) struct Compiled {
    validator: Validator,
    /// Whether a reference leads back to where it stands.
    recursive: bool,
}

/// Compiles a schema. The error says what is wrong and what to do.
pub(crate) fn compile(schema: &Value) -> Result<Compiled, String> {
    let patterns = patterns(schema);
    if patterns > MAX_PATTERNS {
        return Err(format!(
            "{patterns} patterns are too many: give at most {MAX_PATTERNS}"
        ));
    }
    let mut places = Places::new(schema);
    if places.count(schema, 0) > MAX_PLACES {
        return Err(format!(
            "its references unfold to more than {MAX_PLACES} places: refer less often"
        ));
    }
    let options = PatternOptions::fancy_regex()
        .backtrack_limit(PATTERN_STEPS)
        .size_limit(PATTERN_SIZE)
        .dfa_size_limit(PATTERN_SIZE);
    let validator = jsonschema::draft7::options()
        .offline()
        .with_pattern_options(options)
        .build(schema)
        .map_err(|error| {
            format!(
                "{}: correct it; references lead to places in the same schema only",
                cut(&error.to_string())
            )
        })?;
    Ok(Compiled {
        validator,
        recursive: places.recursive,
    })
}

impl Compiled {
    /// Checks a payload; the error names the place in it and the rule.
    pub(crate) fn check(&self, payload: &[u8]) -> ApiResult<()> {
        let value: Value = serde_json::from_slice(payload).map_err(|error| {
            refused(
                &[],
                &format!("cannot be compared with its schema ({error}): send plainer JSON"),
            )
        })?;
        if self.validator.is_valid(&value) {
            return Ok(());
        }
        if self.recursive {
            // To look for the place could take for ever, where to ask did not.
            return Err(refused(
                &[],
                "does not keep to the schema of its event type: correct it, or the schema",
            ));
        }
        let Err(error) = self.validator.validate(&value) else {
            return Ok(());
        };
        let place: Vec<String> = error
            .instance_path()
            .as_str()
            .split('/')
            .skip(1)
            .map(|part| part.replace("~1", "/").replace("~0", "~"))
            .collect();
        let words = format!(
            "{}: correct it, or the rule {:?} of its event type's schema",
            cut(&error.masked().to_string()),
            error.schema_path().as_str()
        );
        Err(refused(&place, &words))
    }
}

fn refused(place: &[String], words: &str) -> ApiError {
    let mut loc = vec!["body", "payload"];
    loc.extend(place.iter().map(String::as_str));
    ApiError::invalid(vec![Fault::new(&loc, words, VALUE_ERROR)])
}

fn cut(text: &str) -> String {
    text.chars().take(MAX_WORDS).collect()
}

fn patterns(schema: &Value) -> usize {
    match schema {
        Value::Array(list) => list.iter().map(patterns).sum(),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| match (key.as_str(), value) {
                ("pattern", Value::String(_)) => 1,
                ("patternProperties", Value::Object(of)) => of.len() + patterns(value),
                _ => patterns(value),
            })
            .sum(),
        _ => 0,
    }
}

/// Counts the places of a schema with references followed.
struct Places<'a> {
    root: &'a Value,
    /// Places behind each reference; `None` while it is being followed.
    known: HashMap<&'a str, Option<usize>>,
    recursive: bool,
}

/// References are followed this deep; deeper ones are taken for too many places.
const MAX_DEPTH: usize = 256;

impl<'a> Places<'a> {
    fn new(root: &'a Value) -> Self {
        Self {
            root,
            known: HashMap::new(),
            recursive: false,
        }
    }

    fn count(&mut self, at: &'a Value, depth: usize) -> usize {
        if depth > MAX_DEPTH {
            return MAX_PLACES + 1;
        }
        let mut places: usize = 1;
        match at {
            Value::Array(list) => {
                for one in list {
                    places = places.saturating_add(self.count(one, depth + 1));
                }
            }
            Value::Object(map) => {
                for (key, value) in map {
                    let behind = match value {
                        Value::String(target) if key == "$ref" => self.follow(target, depth + 1),
                        other => self.count(other, depth + 1),
                    };
                    places = places.saturating_add(behind);
                }
            }
            _ => {}
        }
        places
    }

    fn follow(&mut self, target: &'a str, depth: usize) -> usize {
        match self.known.get(target) {
            Some(Some(places)) => return *places,
            Some(None) => {
                self.recursive = true;
                return 1;
            }
            None => {}
        }
        self.known.insert(target, None);
        // By name or by place; what leads elsewhere is refused when it is compiled. A name
        // is rare, and taken for one that leads back.
        let pointer = target
            .strip_prefix('#')
            .map(|pointer| pointer.replace("%25", "%"));
        let found = pointer.and_then(|pointer| self.root.pointer(&pointer));
        let places = if let Some(found) = found {
            self.count(found, depth)
        } else {
            self.recursive = true;
            1
        };
        self.known.insert(target, Some(places));
        places
    }
}

/// Compiled schemas by revision of their event type.
pub(crate) struct Schemas(Cache<(EventTypeId, Timestamp), Arc<Result<Compiled, String>>>);

impl Schemas {
    pub(crate) fn new() -> Self {
        let cache = Cache::builder().max_capacity(CACHE);
        Self(
            cache
                .weigher(|_, compiled: &Arc<Result<Compiled, String>>| {
                    // What it takes is not told; the text is at most 256 KiB and mostly 1.
                    if compiled.is_ok() { 64 * 1024 } else { 1024 }
                })
                .build(),
        )
    }

    /// The schema of the event type, if it has one.
    pub(crate) fn of(&self, event_type: &EventTypeConfig) -> Option<Arc<Result<Compiled, String>>> {
        let text = event_type.schema.as_deref()?;
        let revision = (event_type.id, event_type.updated_at);
        Some(self.0.get_with(revision, || {
            let schema: Result<Value, _> = serde_json::from_str(text);
            Arc::new(
                schema
                    .map_err(|error| format!("{error}: correct it"))
                    .and_then(|schema| compile(&schema)),
            )
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn compiled(schema: &Value) -> Compiled {
        compile(schema).unwrap_or_else(|error| panic!("{error}: {schema}"))
    }

    #[test]
    fn a_payload_that_breaks_a_rule_is_refused_with_place_and_rule() {
        let schema = json!({
            "type": "object",
            "required": ["id"],
            "properties": {"id": {"type": "integer"}, "lines": {"items": {"$ref": "#/definitions/line"}}},
            "definitions": {"line": {"properties": {"a/b": {"minimum": 3}}}}
        });
        let compiled = compiled(&schema);
        assert!(
            compiled
                .check(br#"{"id":1,"lines":[{"a/b":3}],"more":true}"#)
                .is_ok()
        );
        for (payload, place, rule) in [
            (
                &br#"{"id":"1"}"#[..],
                &["body", "payload", "id"][..],
                "/properties/id/type",
            ),
            (b"{}", &["body", "payload"], "/required"),
            (
                br#"{"id":1,"lines":[{},{"a/b":2}]}"#,
                &["body", "payload", "lines", "1", "a/b"],
                "minimum",
            ),
        ] {
            let error = compiled.check(payload).unwrap_err();
            assert_eq!(error.faults()[0].loc, place);
            assert!(error.faults()[0].msg.contains(rule), "{:?}", error.faults());
        }
    }

    #[test]
    fn a_refused_value_is_not_shown() {
        let compiled = compiled(&json!({"properties": {"card": {"type": "integer"}}}));
        let error = compiled
            .check(br#"{"card":"4111111111111111"}"#)
            .unwrap_err();
        assert!(
            !error.faults()[0].msg.contains("4111"),
            "{:?}",
            error.faults()
        );
    }

    #[test]
    fn a_reference_to_another_document_is_refused_and_nothing_is_fetched() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "{}").unwrap();
        for target in [
            format!("http://{address}/schema.json"),
            format!("https://{address}/schema.json"),
            format!("file://{}", file.path().display()),
            file.path().display().to_string(),
            "other.json#/definitions/a".to_owned(),
        ] {
            for schema in [
                json!({"$ref": target}),
                json!({"properties": {"a": {"items": [{"$ref": target}]}}}),
                json!({"$id": target, "properties": {"a": {"$ref": "more.json"}}}),
            ] {
                assert!(compile(&schema).is_err(), "{schema}");
            }
        }
        assert_eq!(
            listener.accept().unwrap_err().kind(),
            std::io::ErrorKind::WouldBlock,
            "nobody called"
        );
    }

    #[test]
    fn references_that_lead_in_a_circle_come_to_an_end() {
        for schema in [
            json!({"$ref": "#"}),
            json!({"allOf": [{"$ref": "#"}]}),
            json!({"anyOf": [{"$ref": "#/definitions/a"}], "definitions": {
                "a": {"allOf": [{"$ref": "#/definitions/b"}]},
                "b": {"not": {"$ref": "#/definitions/a"}}
            }}),
        ] {
            if let Ok(compiled) = compile(&schema) {
                let _ = compiled.check(br#"{"a":{"a":1}}"#);
            }
        }
    }

    #[test]
    fn what_a_hostile_schema_costs_is_bounded() {
        // Each level asks the next one twice.
        let level = |n: usize| json!({"allOf": [{"$ref": format!("#/definitions/d{n}")}, {"$ref": format!("#/definitions/d{n}")}]});
        let mut definitions = serde_json::Map::new();
        for n in 0..40 {
            definitions.insert(format!("d{n}"), level(n + 1));
        }
        definitions.insert("d40".to_owned(), json!({"type": "object"}));
        let mut schema = level(0);
        schema["definitions"] = definitions.into();
        assert!(compile(&schema).is_err());

        // Each level of the payload is asked twice for the level below.
        let twice = json!({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}, "type": "object"});
        let twice = compiled(&twice);
        let deep = |end: &str| format!("{}{end}{}", "{\"a\":".repeat(100), "}".repeat(100));
        assert!(twice.check(deep("{}").as_bytes()).is_ok());
        assert!(twice.check(deep("1").as_bytes()).is_err());

        assert!(compile(&json!({"pattern": "(\\w{1000}){1000}"})).is_err());
        let many: Vec<_> = (0..=MAX_PATTERNS)
            .map(|n| json!({"pattern": format!("^{n}$")}))
            .collect();
        assert!(compile(&json!({"allOf": many})).is_err());
        let slow = compiled(&json!({"properties": {"a": {"pattern": "^(?=(a+)+$)(a+)+\\1$"}}}));
        let text = format!("{{\"a\":\"{}b\"}}", "a".repeat(5000));
        assert!(slow.check(text.as_bytes()).is_err());
        let nested = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
        assert!(twice.check(nested.as_bytes()).is_err());
    }
}
