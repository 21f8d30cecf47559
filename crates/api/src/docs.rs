//! The reference as a page: made from the OpenAPI document, complete in itself, so
//! that it loads nothing from anywhere.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use utoipa::openapi::OpenApi;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--soft:#8882;--accent:#0b63ce}\
@media(prefers-color-scheme:dark){:root{--accent:#7ab7ff}}\
*{box-sizing:border-box}\
body{margin:0;font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:17rem 1fr}\
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1.5rem;border-right:1px solid var(--line);font-size:.9rem}\
nav ul{list-style:none;margin:.2rem 0 1rem;padding:0}nav strong{display:block}\
main{padding:1.5rem 2.5rem 6rem;max-width:60rem;min-width:0}\
a{color:var(--accent);text-decoration:none}a:hover,a:focus-visible{text-decoration:underline}\
h1{line-height:1.2}h2{margin-top:3rem;border-bottom:1px solid var(--line)}h3{margin:2.5rem 0 .3rem}\
code,pre{font-family:ui-monospace,monospace;font-size:.88em}code{background:var(--soft);padding:.1em .3em;border-radius:3px}\
pre{background:var(--soft);padding:1rem;overflow:auto;border-radius:6px}pre code{background:none;padding:0}\
table{border-collapse:collapse;width:100%;font-size:.92rem;margin:.5rem 0 1rem}\
th,td{text-align:left;vertical-align:top;padding:.35rem .8rem .35rem 0;border-bottom:1px solid var(--line)}\
.method{font-weight:700;text-transform:uppercase}.path{overflow-wrap:anywhere}\
@media(max-width:50rem){body{grid-template-columns:1fr}nav{position:static;height:auto;border:0}main{padding:1rem}}";

/// The document as HTML.
pub(crate) fn page(document: &OpenApi) -> String {
    // The document is made of types that always are JSON.
    let document = serde_json::to_value(document).unwrap_or_default();
    let groups = groups(&document);
    let mut html = String::with_capacity(256 * 1024);
    let title = text(&document["info"]["title"]);
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title} API</title><style>{STYLE}</style></head><body>"
    );
    navigation(&mut html, &groups);
    let _ = write!(html, "<main><h1>{title} API</h1>");
    prose(
        &mut html,
        document["info"]["description"].as_str().unwrap_or_default(),
    );
    html.push_str(
        "<p>For machines: <a href=\"/api/v1/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>",
    );
    for (tag, operations) in &groups {
        let _ = write!(html, "<section><h2>{}</h2>", escape(tag));
        for operation in operations {
            describe(&mut html, operation);
        }
        html.push_str("</section>");
    }
    schemas(&mut html, &document["components"]["schemas"]);
    html.push_str("</main></body></html>");
    html
}

struct Described<'a> {
    method: &'a str,
    path: &'a str,
    operation: &'a Value,
}

/// Operations by tag.
fn groups(document: &Value) -> BTreeMap<&str, Vec<Described<'_>>> {
    let mut groups: BTreeMap<&str, Vec<Described<'_>>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let tag = operation["tags"][0].as_str().unwrap_or_default();
            groups.entry(tag).or_default().push(Described {
                method,
                path,
                operation,
            });
        }
    }
    groups
}

fn navigation(html: &mut String, groups: &BTreeMap<&str, Vec<Described<'_>>>) {
    html.push_str("<nav aria-label=\"Operations\">");
    for (tag, operations) in groups {
        let _ = write!(html, "<strong>{}</strong><ul>", escape(tag));
        for described in operations {
            let _ = write!(
                html,
                "<li><a href=\"#{}\">{}</a></li>",
                text(&described.operation["operationId"]),
                text(&described.operation["summary"]),
            );
        }
        html.push_str("</ul>");
    }
    html.push_str("<strong><a href=\"#schemas\">Schemas</a></strong></nav>");
}

fn describe(html: &mut String, described: &Described<'_>) {
    let operation = described.operation;
    let _ = write!(
        html,
        "<article id=\"{id}\"><h3>{summary}</h3><p class=\"path\"><code><span class=\"method\">{method}</span> {path}</code></p>",
        id = text(&operation["operationId"]),
        summary = text(&operation["summary"]),
        method = described.method,
        path = escape(described.path),
    );
    prose(html, operation["description"].as_str().unwrap_or_default());
    if let Some(parameters) = operation["parameters"].as_array() {
        html.push_str("<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
        for parameter in parameters {
            let _ = write!(
                html,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                kind(&parameter["schema"]),
                marked(parameter["description"].as_str().unwrap_or_default()),
            );
        }
        html.push_str("</tbody></table>");
    }
    let body = &operation["requestBody"]["content"]["application/json"];
    if body.is_object() {
        let _ = write!(html, "<p>Body: {}</p>", kind(&body["schema"]));
        example(html, &body["example"]);
    }
    answers(html, &operation["responses"]);
    html.push_str("</article>");
}

fn answers(html: &mut String, responses: &Value) {
    html.push_str(
        "<table><thead><tr><th>Status</th><th>Body</th><th>Meaning</th></tr></thead><tbody>",
    );
    for (status, response) in responses.as_object().into_iter().flatten() {
        let body = response["content"]
            .as_object()
            .and_then(|content| content.iter().next())
            .map_or_else(String::new, |(content_type, body)| {
                if body["schema"].is_object() {
                    kind(&body["schema"])
                } else {
                    escape(content_type)
                }
            });
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{body}</td><td>{}</td></tr>",
            escape(status),
            marked(response["description"].as_str().unwrap_or_default()),
        );
    }
    html.push_str("</tbody></table>");
}

fn example(html: &mut String, example: &Value) {
    if !example.is_null() {
        let _ = write!(
            html,
            "<pre><code>{}</code></pre>",
            escape(&format!("{example:#}"))
        );
    }
}

fn schemas(html: &mut String, schemas: &Value) {
    html.push_str("<section id=\"schemas\"><h2>Schemas</h2>");
    for (name, schema) in schemas.as_object().into_iter().flatten() {
        let name = escape(name);
        let _ = write!(html, "<article id=\"schema-{name}\"><h3>{name}</h3>");
        prose(html, schema["description"].as_str().unwrap_or_default());
        fields(html, schema);
        for part in ["allOf", "oneOf"]
            .iter()
            .filter_map(|key| schema[*key].as_array())
            .flatten()
        {
            if part["properties"].is_object() {
                fields(html, part);
            } else {
                let _ = write!(html, "<p>{}</p>", kind(part));
            }
        }
        html.push_str("</article>");
    }
    html.push_str("</section>");
}

fn fields(html: &mut String, schema: &Value) {
    let Some(properties) = schema["properties"].as_object() else {
        return;
    };
    let required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|list| list.iter().any(|item| item == name))
    };
    html.push_str(
        "<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>",
    );
    for (name, property) in properties {
        let _ = write!(
            html,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            if required(name) { "" } else { " (optional)" },
            kind(property),
            marked(property["description"].as_str().unwrap_or_default()),
        );
    }
    html.push_str("</tbody></table>");
}

/// A schema in a few words.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
    {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    for key in ["oneOf", "anyOf", "allOf"] {
        if let Some(parts) = schema[key].as_array() {
            return parts.iter().map(kind).collect::<Vec<_>>().join(" or ");
        }
    }
    let types: Vec<String> = match &schema["type"] {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all
            .iter()
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => vec!["any".to_owned()],
    };
    let types: Vec<String> = types
        .into_iter()
        .map(|one| match (one.as_str(), schema["format"].as_str()) {
            ("array", _) => format!("array of {}", kind(&schema["items"])),
            ("string", Some(format)) => escape(format),
            _ => escape(&one),
        })
        .collect();
    types.join(" or ")
}

fn prose(html: &mut String, words: &str) {
    for paragraph in words
        .split("\n\n")
        .filter(|paragraph| !paragraph.is_empty())
    {
        let _ = write!(html, "<p>{}</p>", marked(paragraph));
    }
}

/// Text with what stands between backticks as code.
fn marked(words: &str) -> String {
    words
        .split('`')
        .enumerate()
        .map(|(at, part)| {
            if at % 2 == 1 {
                format!("<code>{}</code>", escape(part))
            } else {
                escape(part)
            }
        })
        .collect()
}

fn text(value: &Value) -> String {
    escape(value.as_str().unwrap_or_default())
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_and_loads_nothing() {
        let html = page(&crate::openapi());
        for operation in crate::routes::table() {
            assert!(
                html.contains(&format!("<article id=\"{}\">", operation.id)),
                "{}",
                operation.id
            );
        }
        for foreign in ["src=", "<script", "<link", "@import", "url("] {
            assert!(!html.contains(foreign), "{foreign}");
        }
        // Links stay on the page or on this server.
        for link in html.split("href=\"").skip(1) {
            assert!(
                link.starts_with('#') || link.starts_with('/'),
                "{}",
                &link[..40]
            );
        }
    }

    #[test]
    fn links_to_schemas_lead_somewhere() {
        let html = page(&crate::openapi());
        for link in html.split("href=\"#schema-").skip(1) {
            let name = link.split('"').next().unwrap();
            assert!(html.contains(&format!("id=\"schema-{name}\"")), "{name}");
        }
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(marked("<b>`<i>`"), "&lt;b&gt;<code>&lt;i&gt;</code>");
    }
}
