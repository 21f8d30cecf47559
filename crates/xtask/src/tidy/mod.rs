//! `cargo xtask tidy`: the architecture's rules, checked by text. Cheap, and blind to nobody.

mod crates;
mod fail_points;
mod functions;
mod modules;
mod pages;
mod sources;
mod statements;
mod way;
mod workarounds;

use std::io;
use std::path::{Path, PathBuf};

/// Says what breaks a rule below `root`, a line each.
///
/// # Errors
/// A file that cannot be read.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut faults = crates::check(root)?;
    faults.extend(workarounds::check(root)?);
    faults.extend(modules::check(root)?);
    faults.extend(pages::check(root)?);
    faults.extend(way::check(root)?);
    let mut texts = Vec::new();
    for path in sources(root)? {
        let text = std::fs::read_to_string(&path)?;
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        faults.extend(sources::check(&name, &text));
        if is_rust(&name) {
            faults.extend(functions::check(&name, &text));
        }
        texts.push((name, text));
    }
    let page = std::fs::read_to_string(root.join("docs/reliability.md"))?;
    faults.extend(fail_points::check(&texts, &page));
    faults.extend(statements::check(&texts));
    faults.sort();
    Ok(faults)
}

fn is_rust(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|found| found == "rs")
}

const ROOMS: &[&str] = &["crates", "dashboard", "migrations", "sdk", "tests"];
const EXTENSIONS: &[&str] = &["rs", "sql", "ts", "tsx", "js", "mjs", "css", "py", "sh"];
const NOT_OURS: &[&str] = &["target", "node_modules", "dist", "__pycache__", ".venv"];
/// What a tool writes, however long it gets: the dashboard's client, from `openapi.json`.
const GENERATED: &str = "schema.d.ts";

fn sources(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = ROOMS.iter().map(|room| root.join(room)).collect();
    while let Some(directory) = open.pop() {
        if !directory.is_dir() {
            continue;
        }
        for entry in std::fs::read_dir(&directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                let name = entry.file_name();
                if !NOT_OURS.iter().any(|other| name == *other) {
                    open.push(path);
                }
            } else if entry.file_name() != GENERATED
                && path
                    .extension()
                    .is_some_and(|found| EXTENSIONS.iter().any(|known| found == *known))
            {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sources_keep_to_the_architecture() {
        let faults = super::check(&crate::root()).unwrap();
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }
}
