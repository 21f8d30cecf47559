//! `docs/api/`: the API reference as Markdown, with the examples in `docs/examples`, which the
//! clients' tests run.

use std::collections::BTreeMap;
use std::fmt::Write;

use postrider_api::reference::{AnswerDoc, Body, OperationDoc, ParameterDoc, Reference, ValueKind};

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

/// The pages by their file's name below `docs/api`.
pub(crate) fn pages() -> BTreeMap<String, String> {
    let reference = postrider_api::reference();
    let mut pages: BTreeMap<String, String> = reference
        .groups
        .iter()
        .map(|(tag, operations)| (file_of(tag), page(tag, operations, &reference)))
        .collect();
    pages.insert("README.md".to_owned(), index(&reference));
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

fn index(reference: &Reference) -> String {
    let mut page = String::from(
        "# API reference\n\nMade from [openapi.json](../../openapi.json) by `cargo xtask regen`.\n\n",
    );
    let _ = writeln!(page, "{}\n", reference.about);
    page.push_str("The examples use the official clients of Svix, unmodified, and can be run from top to bottom: ");
    let files = TOURS.map(|tour| format!("[{}](../examples/{})", tour.title, tour.file));
    let _ = writeln!(page, "{}.\n", files.join(", "));
    for (tag, operations) in &reference.groups {
        let file = file_of(tag);
        let _ = writeln!(page, "## [{tag}]({file})\n\n| operation | |\n|---|---|");
        for operation in operations {
            let summary = &operation.summary;
            let link = format!("{file}#{}", anchor(summary));
            let _ = writeln!(page, "| [{summary}]({link}) | `{}` |", address(operation));
        }
        page.push('\n');
    }
    page
}

fn address(operation: &OperationDoc) -> String {
    format!("{} {}", operation.method.to_uppercase(), operation.path)
}

fn page(tag: &str, operations: &[OperationDoc], reference: &Reference) -> String {
    let mut page = format!("# {tag}\n\n[All of the API](README.md)\n\n");
    for operation in operations {
        describe(&mut page, operation, reference);
    }
    page
}

fn describe(page: &mut String, operation: &OperationDoc, reference: &Reference) {
    let _ = writeln!(
        page,
        "## {}\n\n`{}`\n\n{}\n",
        operation.summary,
        address(operation),
        operation.about
    );
    parameters(page, &operation.parameters);
    if let Some(of) = &operation.body {
        body(page, of, reference);
    }
    answers(page, &operation.answers);
    for tour in &TOURS {
        if let Some(code) = snippet(tour.text, &operation.id) {
            let _ = writeln!(page, "{}:\n\n```{}\n{code}\n```\n", tour.title, tour.fence);
        }
    }
}

/// What a cell of a table can hold.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

fn parameters(page: &mut String, parameters: &[ParameterDoc]) {
    if parameters.is_empty() {
        return;
    }
    page.push_str("| parameter | in | |\n|---|---|---|\n");
    for parameter in parameters {
        let about = cell(&parameter.about);
        let _ = writeln!(
            page,
            "| `{}` | {} | {about} |",
            parameter.name, parameter.place
        );
    }
    page.push('\n');
}

fn body(page: &mut String, body: &Body, reference: &Reference) {
    if let ValueKind::Named(name) = &body.kind
        && let Some(schema) = reference.schemas.get(name)
        && !schema.fields.is_empty()
    {
        page.push_str("| field of the body | |\n|---|---|\n");
        for field in &schema.fields {
            let mark = if field.is_required { ", required" } else { "" };
            let _ = writeln!(page, "| `{}`{mark} | {} |", field.name, cell(&field.about));
        }
        page.push('\n');
    }
    if let Some(example) = &body.example {
        let _ = writeln!(page, "Body, for example:\n\n```json\n{example:#}\n```\n");
    }
}

fn answers(page: &mut String, answers: &[AnswerDoc]) {
    page.push_str("| status | |\n|---|---|\n");
    for answer in answers {
        let _ = writeln!(page, "| {} | {} |", answer.status, cell(&answer.about));
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
        let reference = postrider_api::reference();
        let operations = reference.groups.values().flatten();
        let ids: Vec<&str> = operations.map(|operation| operation.id.as_str()).collect();
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
