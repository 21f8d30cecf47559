//! `cargo xtask regen`: files that are made from the code and checked in, so that people can
//! read them and reviewers see them change.

use std::io;
use std::path::Path;

/// Every generated file: where it is, and what it holds.
fn files() -> io::Result<Vec<(String, String)>> {
    let mut files = vec![
        (
            "docs/settings.md".to_owned(),
            postrider::settings::reference::markdown(),
        ),
        ("openapi.json".to_owned(), postrider_api::openapi_json()?),
    ];
    let pages = crate::reference::pages().into_iter();
    files.extend(pages.map(|(name, text)| (format!("docs/api/{name}"), text)));
    Ok(files)
}

/// Writes the files below `root`; with `check` it only says which are stale.
///
/// # Errors
/// A file that cannot be read or written.
pub(crate) fn run(root: &Path, check: bool) -> io::Result<Vec<String>> {
    let mut stale = Vec::new();
    for (name, text) in files()? {
        let path = root.join(&name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == text) {
            continue;
        }
        if check {
            stale.push(format!("{name} is stale: run `cargo xtask regen`"));
        } else {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(&path, text)?;
            println!("wrote {name}");
        }
    }
    Ok(stale)
}
