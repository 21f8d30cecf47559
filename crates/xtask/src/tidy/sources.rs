//! What a source file may look like.

/// Longer files are two files.
const MOST_LINES: usize = 500;

/// What the API takes from the delivery crate: the ingest handle, what goes in and comes
/// out of it, and how it says it is doing.
const FROM_DELIVERY: &[&str] = &[
    "Deadline",
    "Ingest",
    "PipelineStatus",
    "Publish",
    "PublishError",
    "Published",
];

/// Words of unfinished work, in two halves so that this file holds none.
const UNFINISHED: &[(&str, &str)] = &[
    ("TO", "DO"),
    ("FIX", "ME"),
    ("dbg", "!("),
    ("to", "do!("),
    ("unimpl", "emented!("),
];

pub(super) fn check(name: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES {
        faults.push(format!(
            "{name}: {lines} lines: at most {MOST_LINES}, split it"
        ));
    }
    for (number, line) in text.lines().enumerate() {
        for (first, second) in UNFINISHED {
            let word = format!("{first}{second}");
            if holds_word(line, &word) {
                faults.push(format!("{name}:{}: holds {word}: finish it", number + 1));
            }
        }
    }
    if name.starts_with("crates/api/src/") {
        faults.extend(
            taken_from_delivery(&code(text))
                .into_iter()
                .filter(|item| !FROM_DELIVERY.contains(&item.as_str()))
                .map(|item| {
                    format!(
                        "{name}: takes {item:?} from postrider_delivery: only the ingest handle"
                    )
                }),
        );
    }
    faults
}

/// Whether `word` is in `line`, and not as the end or the beginning of a longer one.
fn holds_word(line: &str, word: &str) -> bool {
    let part_of_word = |char: char| char.is_alphanumeric() || char == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        let open_ended = word.ends_with('(');
        !before.is_some_and(part_of_word) && (open_ended || !after.is_some_and(part_of_word))
    })
}

/// `text` without its comment lines.
fn code(text: &str) -> String {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

/// First path segments named after `postrider_delivery::`; the whole crate counts as `*`.
fn taken_from_delivery(code: &str) -> Vec<String> {
    let mut items = Vec::new();
    for (at, found) in code.match_indices("postrider_delivery") {
        let rest = code.get(at + found.len()..).unwrap_or_default();
        let Some(path) = rest.strip_prefix("::") else {
            items.push("*".to_owned());
            continue;
        };
        match path.strip_prefix('{') {
            Some(group) => {
                let group = group.split("};").next().unwrap_or_default();
                items.extend(top_level(group).into_iter().map(first_segment));
            }
            None => items.push(first_segment(path)),
        }
    }
    items
}

/// The parts of a `use` group, its nested groups left in one piece.
fn top_level(group: &str) -> Vec<&str> {
    let mut depth = 0;
    group
        .split(|char| {
            match char {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            char == ',' && depth == 0
        })
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .collect()
}

fn first_segment(path: &str) -> String {
    path.chars()
        .take_while(|char| char.is_alphanumeric() || matches!(char, '_' | '*'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_and_unfinished_work_are_found() {
        let long = "\n".repeat(MOST_LINES + 1);
        assert_eq!(check("a.rs", &long).len(), 1);
        let unfinished = format!("// {}{}: later\n{}{}x)", "TO", "DO", "dbg", "!(");
        assert_eq!(check("a.rs", &unfinished).len(), 2);
        assert_eq!(
            check("a.rs", "let mastodon_fixmeup = 1;"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn the_api_takes_the_ingest_handle_from_the_delivery_crate_and_nothing_else() {
        let fine = "use postrider_delivery::{Ingest, Publish, PublishError};\n\
                    // postrider_delivery::Lanes\nfn f(i: postrider_delivery::PipelineStatus) {}";
        assert_eq!(check("crates/api/src/a.rs", fine), Vec::<String>::new());
        for wrong in [
            "use postrider_delivery::Lanes;",
            "use postrider_delivery::{Ingest, Sender};",
            "use postrider_delivery::{Ingest, PublishedElsewhere};",
            "use postrider_delivery::*;",
            "use postrider_delivery as d;",
        ] {
            assert_eq!(check("crates/api/src/a.rs", wrong).len(), 1, "{wrong}");
        }
        assert_eq!(
            check(
                "crates/postrider/src/serve.rs",
                "use postrider_delivery::Lanes;"
            ),
            Vec::<String>::new()
        );
    }
}
