//! `docs/api/`: the API reference, made from the OpenAPI document and the examples in
//! `docs/examples`, which the clients' tests run.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The examples of one language.
struct Tour {
    title: &'static str,
    fence: &'static str,
    file: &'static str,
    text: &'static str,
}

macro_rules! tour {
    ($title:literal, $fence:literal, $file:literal) => {
        Tour {
            title: $title,
            fence: $fence,
            file: $file,
            text: include_str!(concat!("../../../docs/examples/", $file)),
        }
    };
}

const TOURS: [Tour; 4] = [
    tour!("curl", "sh", "tour.sh"),
    tour!("JavaScript", "js", "tour.mjs"),
    tour!("Python", "python", "tour.py"),
    tour!("Rust", "rust", "tour.rs"),
];

/// The part of an example that shows an operation: from its mark to the next, without the
/// indentation of the mark.
fn snippet(text: &str, id: &str) -> Option<String> {
    let mark = format!("--- {id}");
    let mut lines = text.lines().skip_while(|line| !line.ends_with(&mark));
    let indent = lines.next()?.len()
        - text
            .lines()
            .find(|line| line.ends_with(&mark))?
            .trim_start()
            .len();
    let part: Vec<&str> = lines
        .take_while(|line| !is_mark(line))
        .map(|line| line.get(indent..).unwrap_or_default())
        .collect();
    Some(part.join("\n").trim().to_owned())
}

fn is_mark(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("# ---") || line.starts_with("// ---")
}

struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    item: &'a Value,
}

/// The pages by their file's name below `docs/api`.
pub(crate) fn pages() -> BTreeMap<String, String> {
    let document: Value =
        serde_json::to_value(postrider_api::openapi()).expect("our own document is JSON");
    let mut groups: BTreeMap<&str, Vec<Operation<'_>>> = BTreeMap::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(item) = item.get(method) else {
                continue;
            };
            let tag = item["tags"][0].as_str().unwrap_or("Other");
            groups
                .entry(tag)
                .or_default()
                .push(Operation { method, path, item });
        }
    }
    let mut pages: BTreeMap<String, String> = groups
        .iter()
        .map(|(tag, operations)| (file_of(tag), page(tag, operations, &document)))
        .collect();
    pages.insert("README.md".to_owned(), index(&groups, &document));
    pages
}

fn file_of(tag: &str) -> String {
    format!("{}.md", tag.to_lowercase().replace(' ', "-"))
}

fn anchor(summary: &str) -> String {
    let kept = summary.to_lowercase();
    kept.chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn index(groups: &BTreeMap<&str, Vec<Operation<'_>>>, document: &Value) -> String {
    let mut page = String::from(
        "# API reference\n\nMade from [openapi.json](../../openapi.json) by `cargo xtask regen`.\n\n",
    );
    let _ = writeln!(page, "{}\n", text(&document["info"]["description"]));
    page.push_str("The examples use the official clients of Svix, unmodified, and can be run from top to bottom: ");
    let files = TOURS.map(|tour| format!("[{}](../examples/{})", tour.title, tour.file));
    let _ = writeln!(page, "{}.\n", files.join(", "));
    for (tag, operations) in groups {
        let _ = writeln!(
            page,
            "## [{tag}]({})\n\n| operation | |\n|---|---|",
            file_of(tag)
        );
        for operation in operations {
            let summary = text(&operation.item["summary"]);
            let link = format!("{}#{}", file_of(tag), anchor(summary));
            let _ = writeln!(
                page,
                "| [{summary}]({link}) | `{} {}` |",
                operation.method.to_uppercase(),
                operation.path
            );
        }
        page.push('\n');
    }
    page
}

fn page(tag: &str, operations: &[Operation<'_>], document: &Value) -> String {
    let mut page = format!("# {tag}\n\n[All of the API](README.md)\n\n");
    for operation in operations {
        describe(&mut page, operation, document);
    }
    page
}

fn describe(page: &mut String, operation: &Operation<'_>, document: &Value) {
    let item = operation.item;
    let _ = writeln!(
        page,
        "## {}\n\n`{} {}`\n\n{}\n",
        text(&item["summary"]),
        operation.method.to_uppercase(),
        operation.path,
        text(&item["description"])
    );
    parameters(page, item);
    body(page, item, document);
    answers(page, item);
    for tour in &TOURS {
        if let Some(code) = snippet(tour.text, text(&item["operationId"])) {
            let _ = writeln!(page, "{}:\n\n```{}\n{code}\n```\n", tour.title, tour.fence);
        }
    }
}

/// What a cell of a table can hold.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn parameters(page: &mut String, item: &Value) {
    let all: Vec<&Value> = item["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    if all.is_empty() {
        return;
    }
    page.push_str("| parameter | in | |\n|---|---|---|\n");
    for parameter in all {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            text(&parameter["name"]),
            text(&parameter["in"]),
            cell(text(&parameter["description"]))
        );
    }
    page.push('\n');
}

fn body(page: &mut String, item: &Value, document: &Value) {
    let content = &item["requestBody"]["content"]["application/json"];
    if let Some(name) = text(&content["schema"]["$ref"]).rsplit('/').next() {
        let properties = &document["components"]["schemas"][name];
        let required = properties["required"].as_array();
        let fields = properties["properties"].as_object();
        if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
            page.push_str("| field of the body | |\n|---|---|\n");
            for (field, schema) in fields {
                let is_required = required.is_some_and(|all| all.iter().any(|one| one == field));
                let mark = if is_required { ", required" } else { "" };
                let about = cell(text(&schema["description"]));
                let _ = writeln!(page, "| `{field}`{mark} | {about} |");
            }
            page.push('\n');
        }
    }
    if let Some(example) = content.get("example") {
        let example = serde_json::to_string_pretty(example).unwrap_or_default();
        let _ = writeln!(page, "Body, for example:\n\n```json\n{example}\n```\n");
    }
}

fn answers(page: &mut String, item: &Value) {
    page.push_str("| status | |\n|---|---|\n");
    for (status, answer) in item["responses"].as_object().into_iter().flatten() {
        let _ = writeln!(
            page,
            "| {status} | {} |",
            cell(text(&answer["description"]))
        );
    }
    page.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_ends_where_the_next_begins() {
        let text = "    // --- a\n    let x;\n\n    if y {\n        z\n    }\n    // --- b\n    w";
        assert_eq!(snippet(text, "a").unwrap(), "let x;\n\nif y {\n    z\n}");
        assert_eq!(snippet(text, "b").unwrap(), "w");
        assert_eq!(snippet(text, "c"), None);
    }

    #[test]
    fn every_example_is_of_an_operation_and_every_language_shows_the_same() {
        let document: Value = serde_json::to_value(postrider_api::openapi()).unwrap();
        let paths = document["paths"].as_object().unwrap();
        let ids: Vec<&str> = paths
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .map(|item| item["operationId"].as_str().unwrap())
            .collect();
        let marks = |tour: &Tour| -> Vec<String> {
            let lines = tour.text.lines().filter(|line| is_mark(line));
            let names = lines.filter_map(|line| line.split("--- ").nth(1));
            names.map(str::to_owned).collect()
        };
        let first = marks(&TOURS[0]);
        assert!(first.len() > 10);
        for tour in &TOURS {
            assert_eq!(marks(tour), first, "{}", tour.title);
        }
        for id in &first {
            assert!(ids.contains(&id.as_str()), "{id}");
        }
    }
}
