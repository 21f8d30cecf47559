//! Pages that name files name those that are there, and the first one stays short.

use std::io;
use std::path::{Path, PathBuf};

/// The page that is read first, and how long it may be.
const FIRST: (&str, usize) = ("ARCHITECTURE.md", 200);
/// Pages in which every path and link is followed.
const PAGES: &[&str] = &[
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "README.md",
    "SECURITY.md",
    "docs",
    "migrations/README.md",
];
/// The page that says which module does what, by crate.
const MODULES: &str = "docs/architecture/code.md";
/// Where a path of ours begins.
const ROOMS: &[&str] = &[
    "crates/",
    "dashboard/",
    "docs/",
    "migrations/",
    "sdk/",
    "tests/",
];

pub(super) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut faults = Vec::new();
    for page in pages(root)? {
        let text = std::fs::read_to_string(&page)?;
        let name = page.strip_prefix(root).unwrap_or(&page);
        let (first, most) = FIRST;
        let lines = text.lines().count();
        if name == Path::new(first) && lines > most {
            faults.push(format!(
                "{first}: {lines} lines: at most {most}, the rest goes to docs/architecture"
            ));
        }
        let folder = page.parent().unwrap_or(root);
        for path in paths(&text) {
            if !root.join(path).exists() {
                faults.push(format!("{}: {path} is not there", name.display()));
            }
        }
        for link in links(&text) {
            if !folder.join(link).exists() {
                faults.push(format!("{}: the link to {link} is broken", name.display()));
            }
        }
    }
    let text = std::fs::read_to_string(root.join(MODULES))?;
    for (at, module) in modules(&text) {
        if !(root.join(&at).join(module).exists()
            || root.join(&at).join(format!("{module}.rs")).exists())
        {
            faults.push(format!("{MODULES}: {at} has no {module}"));
        }
    }
    Ok(faults)
}

/// What the first column of the tables of crates names, and the folder where it should be: that
/// which the row begins with, if it begins with one.
fn modules(text: &str) -> impl Iterator<Item = (String, &str)> {
    let sections = text
        .split("\n## ")
        .filter(|section| section.starts_with("crates/"));
    sections.flat_map(|section| {
        let (of, rows) = section.split_once('\n').unwrap_or((section, ""));
        let cells = rows
            .lines()
            .filter_map(|row| row.strip_prefix("| ")?.split(" | ").next());
        cells.flat_map(move |cell| {
            let mut names = cell.split('`').skip(1).step_by(2);
            let first = names.next();
            let folder = first.filter(|first| first.ends_with('/'));
            let within = format!("{of}/src/{}", folder.unwrap_or_default());
            first
                .map(|first| (format!("{of}/src/"), first))
                .into_iter()
                .chain(names.map(move |name| (within.clone(), name)))
        })
    })
}

fn pages(root: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), Vec::new());
    open.extend(PAGES.iter().map(|page| root.join(page)));
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(path)? {
                open.push(entry?.path());
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// Paths of ours in code spans: whole words that begin with a room's name, without patterns.
fn paths(text: &str) -> impl Iterator<Item = &str> {
    let spans = text.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        let is_path = |char: char| char.is_ascii_alphanumeric() || "/._-".contains(char);
        ROOMS.iter().any(|room| span.starts_with(room)) && span.chars().all(is_path)
    })
}

/// Targets of links within the repository, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    targets
        .map(|target| target.split('#').next().unwrap_or_default())
        .filter(|target| {
            let is_elsewhere = target.contains("://") || target.starts_with("mailto:");
            !target.is_empty() && !is_elsewhere && !target.contains(char::is_whitespace)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_links_of_ours_are_followed_and_nothing_else_is() {
        let text = "`crates/a.rs` and `crates/{a,b}` [a](docs/a.md#b) [b](https://b.example/docs) \
                    `tests/` [c](#here) `cargo test` `docs/x y`";
        assert_eq!(paths(text).collect::<Vec<_>>(), ["crates/a.rs", "tests/"]);
        assert_eq!(links(text).collect::<Vec<_>>(), ["docs/a.md"]);
    }

    #[test]
    fn modules_are_sought_in_the_folder_that_their_row_begins_with() {
        let text = "x\n## crates/a\n| module | what |\n|---|---|\n| `b/` (`c`, `d/`) | `e` |\n\
                    | `f`, `g` | h |\n## sdk\n| `i` | j |\n";
        let found: Vec<_> = modules(text).collect();
        let (top, within) = ("crates/a/src/".to_owned(), "crates/a/src/b/".to_owned());
        let expected = [
            (&top, "b/"),
            (&within, "c"),
            (&within, "d/"),
            (&top, "f"),
            (&top, "g"),
        ];
        assert!(
            found.iter().map(|(at, name)| (at, *name)).eq(expected),
            "{found:?}"
        );
    }
}
