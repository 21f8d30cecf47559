//! The reference as a page that is complete in itself: it loads nothing from anywhere.

use std::fmt::Write;

use serde_json::Value;

use super::{
    AnswerBody, AnswerDoc, Field, OperationDoc, ParameterDoc, Part, Reference, Schema, ValueKind,
};

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

/// The reference as HTML.
pub(crate) fn page(reference: &Reference) -> String {
    let mut html = String::with_capacity(256 * 1024);
    let title = escape(&reference.title);
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title} API</title><style>{STYLE}</style></head><body>"
    );
    navigation(&mut html, reference);
    let _ = write!(html, "<main><h1>{title} API</h1>");
    prose(&mut html, &reference.about);
    html.push_str(
        "<p>For machines: <a href=\"/api/v1/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>",
    );
    for (tag, operations) in &reference.groups {
        let _ = write!(html, "<section><h2>{}</h2>", escape(tag));
        for operation in operations {
            describe(&mut html, operation);
        }
        html.push_str("</section>");
    }
    html.push_str("<section id=\"schemas\"><h2>Schemas</h2>");
    for (name, schema) in &reference.schemas {
        define(&mut html, &escape(name), schema);
    }
    html.push_str("</section></main></body></html>");
    html
}

fn navigation(html: &mut String, reference: &Reference) {
    html.push_str("<nav aria-label=\"Operations\">");
    for (tag, operations) in &reference.groups {
        let _ = write!(html, "<strong>{}</strong><ul>", escape(tag));
        for operation in operations {
            let _ = write!(
                html,
                "<li><a href=\"#{}\">{}</a></li>",
                escape(&operation.id),
                escape(&operation.summary),
            );
        }
        html.push_str("</ul>");
    }
    html.push_str("<strong><a href=\"#schemas\">Schemas</a></strong></nav>");
}

fn describe(html: &mut String, operation: &OperationDoc) {
    let _ = write!(
        html,
        "<article id=\"{id}\"><h3>{summary}</h3><p class=\"path\"><code><span class=\"method\">{method}</span> {path}</code></p>",
        id = escape(&operation.id),
        summary = escape(&operation.summary),
        method = operation.method,
        path = escape(&operation.path),
    );
    prose(html, &operation.about);
    parameters(html, &operation.parameters);
    if let Some(body) = &operation.body {
        let _ = write!(html, "<p>Body: {}</p>", kind(&body.kind));
        example(html, body.example.as_ref());
    }
    answers(html, &operation.answers);
    html.push_str("</article>");
}

fn parameters(html: &mut String, parameters: &[ParameterDoc]) {
    if parameters.is_empty() {
        return;
    }
    html.push_str("<table><thead><tr><th>Parameter</th><th>In</th><th>Type</th><th>Meaning</th></tr></thead><tbody>");
    for parameter in parameters {
        let _ = write!(
            html,
            "<tr><td><code>{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            escape(&parameter.name),
            escape(&parameter.place),
            kind(&parameter.kind),
            marked(&parameter.about),
        );
    }
    html.push_str("</tbody></table>");
}

fn answers(html: &mut String, answers: &[AnswerDoc]) {
    html.push_str(
        "<table><thead><tr><th>Status</th><th>Body</th><th>Meaning</th></tr></thead><tbody>",
    );
    for answer in answers {
        let body = match &answer.body {
            None => String::new(),
            Some(AnswerBody::Json(of)) => kind(of),
            Some(AnswerBody::Other(content_type)) => escape(content_type),
        };
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{body}</td><td>{}</td></tr>",
            escape(&answer.status),
            marked(&answer.about),
        );
    }
    html.push_str("</tbody></table>");
}

fn example(html: &mut String, example: Option<&Value>) {
    if let Some(example) = example {
        let text = escape(&format!("{example:#}"));
        let _ = write!(html, "<pre><code>{text}</code></pre>");
    }
}

fn define(html: &mut String, name: &str, schema: &Schema) {
    let _ = write!(html, "<article id=\"schema-{name}\"><h3>{name}</h3>");
    prose(html, &schema.about);
    fields(html, &schema.fields);
    for part in &schema.parts {
        match part {
            Part::Fields(of) => fields(html, of),
            Part::Value(of) => {
                let _ = write!(html, "<p>{}</p>", kind(of));
            }
        }
    }
    html.push_str("</article>");
}

fn fields(html: &mut String, fields: &[Field]) {
    if fields.is_empty() {
        return;
    }
    html.push_str(
        "<table><thead><tr><th>Field</th><th>Type</th><th>Meaning</th></tr></thead><tbody>",
    );
    for field in fields {
        let optional = if field.is_required { "" } else { " (optional)" };
        let _ = write!(
            html,
            "<tr><td><code>{}</code>{optional}</td><td>{}</td><td>{}</td></tr>",
            escape(&field.name),
            kind(&field.kind),
            marked(&field.about),
        );
    }
    html.push_str("</tbody></table>");
}

fn kind(kind_of: &ValueKind) -> String {
    match kind_of {
        ValueKind::Named(name) => {
            let name = escape(name);
            format!("<a href=\"#schema-{name}\">{name}</a>")
        }
        ValueKind::Plain(name) => escape(name),
        ValueKind::ArrayOf(items) => format!("array of {}", kind(items)),
        ValueKind::OneOf(kinds) => kinds.iter().map(kind).collect::<Vec<_>>().join(" or "),
    }
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
        let html = page(&Reference::of(&crate::openapi()));
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
        let html = page(&Reference::of(&crate::openapi()));
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
