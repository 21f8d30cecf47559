//! The arrows between the modules at the top of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::TokenStream;

use super::paths::Named;

/// Who names whom, and in which file first.
#[derive(Debug)]
pub(super) struct Graph {
    modules: BTreeSet<String>,
    arrows: BTreeMap<(String, String), String>,
}

/// One module names another.
pub(super) struct Arrow<'a> {
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    file: &'a str,
}

impl fmt::Display for Arrow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} → {} ({})", self.from, self.to, self.file)
    }
}

impl Graph {
    /// Of the crate whose sources lie in `folder`.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut texts = Vec::new();
        for path in files(folder)? {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            texts.push((name.display().to_string(), std::fs::read_to_string(&path)?));
        }
        texts.sort();
        let texts = texts.iter();
        Self::of_texts(texts.map(|(name, text)| (name.as_str(), text.as_str())))
    }

    /// Of files by their names below the crate's sources, in order.
    pub(super) fn of_texts<'a>(
        texts: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> io::Result<Self> {
        let mut read = Vec::new();
        for (name, text) in texts.filter(|(name, _)| !is_of_tests(name)) {
            let tokens = TokenStream::from_str(text)
                .map_err(|error| io::Error::other(format!("{name}: {error}")))?;
            read.push((name, Named::read(tokens)));
        }
        let mut graph = Self {
            modules: read.iter().filter_map(|(name, _)| top(name)).collect(),
            arrows: BTreeMap::new(),
        };
        let exported = graph.exported(&read);
        let methods: BTreeMap<&str, String> = read
            .iter()
            .filter_map(|(name, named)| Some((top(name)?, named)))
            .flat_map(|(module, named)| {
                let methods = named.methods.iter();
                methods.map(move |method| (method.as_str(), module.clone()))
            })
            .collect();
        for (name, named) in &read {
            let Some(module) = top(name) else {
                continue;
            };
            let named_paths = named.paths.iter();
            let heads = named_paths.filter_map(|path| head(name, path));
            let modules = &graph.modules;
            let targets = heads.filter_map(|head| {
                let own = modules.get(head);
                own.or_else(|| exported.get(head)).cloned()
            });
            let called = named
                .calls
                .iter()
                .filter_map(|call| methods.get(call.as_str()).cloned());
            let targets: Vec<String> = targets.chain(called).collect();
            for target in targets.into_iter().filter(|target| *target != module) {
                let arrow = (module.clone(), target);
                graph
                    .arrows
                    .entry(arrow)
                    .or_insert_with(|| (*name).to_owned());
            }
        }
        Ok(graph)
    }

    /// Which module the names at the crate's root come from.
    fn exported(&self, read: &[(&str, Named)]) -> BTreeMap<String, String> {
        let roots = read.iter().filter(|(name, _)| top(name).is_none());
        roots
            .flat_map(|(_, named)| &named.exported)
            .filter_map(|path| match path.as_slice() {
                [first, .., last] if self.modules.contains(first) => {
                    Some((last.clone(), first.clone()))
                }
                _ => None,
            })
            .collect()
    }

    pub(super) fn modules(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(String::as_str)
    }

    pub(super) fn arrows(&self) -> impl Iterator<Item = Arrow<'_>> {
        self.arrows
            .iter()
            .map(|((from, to), file)| Arrow { from, to, file })
    }

    /// Whether arrows lead from one to the other.
    pub(super) fn reaches(&self, from: &str, to: &str) -> bool {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(module) = open.pop() {
            for arrow in self.arrows().filter(|arrow| arrow.from == module) {
                if arrow.to == to {
                    return true;
                }
                if seen.insert(arrow.to) {
                    open.push(arrow.to);
                }
            }
        }
        false
    }
}

/// The module at the top that a file belongs to; `None`: the crate's root itself.
fn top(name: &str) -> Option<String> {
    let first = name.split('/').next()?.trim_end_matches(".rs");
    (first != "lib" && first != "main").then(|| first.to_owned())
}

/// The first name of a path below the crate's root; `None`: it stays within its module.
fn head<'a>(name: &str, path: &'a [String]) -> Option<&'a str> {
    let up = path
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    if up == 0 {
        // `crate`
        return path.get(1).map(String::as_str);
    }
    let mut depth = name.split('/').count();
    if name.ends_with("/mod.rs") {
        depth -= 1;
    }
    (up >= depth).then(|| path.get(up).map(String::as_str))?
}

fn is_of_tests(name: &str) -> bool {
    let stem = name.trim_end_matches(".rs");
    stem.split('/').any(|part| part == "tests")
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    Ok(found)
}
