//! `cargo xtask regen`: files that are made from the code and checked in, so that people can
//! read them and reviewers see them change.

use std::io;
use std::path::Path;

/// A generated file: where it is, and what makes it.
type Generated = (&'static str, fn() -> String);

const FILES: &[Generated] = &[
    ("docs/settings.md", postrider::settings::reference::markdown),
    ("openapi.json", postrider_api::openapi_json),
];

/// Writes the files below `root`; with `check` it only says which are stale.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn run(root: &Path, check: bool) -> io::Result<Vec<String>> {
    let mut stale = Vec::new();
    for (name, make) in FILES {
        let path = root.join(name);
        let text = make();
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            stale.push(format!("{name} is stale: run `cargo xtask regen`"));
        } else {
            std::fs::write(&path, text)?;
            println!("wrote {name}");
        }
    }
    Ok(stale)
}
