//! The dashboard's files: what `npm run build` left in `dashboard/dist`, embedded in a
//! release, read from there by a debug build. Without them everything is absent.

use std::borrow::Cow;

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../dashboard/dist"]
#[allow_missing = true]
struct Files;

/// The page that everything begins with.
pub const INDEX: &str = "index.html";

/// A file of the bundle.
#[derive(Clone, Debug)]
pub struct File {
    pub bytes: Cow<'static, [u8]>,
    /// Its media type, by its name.
    pub content_type: &'static str,
}

/// The file at this path below the bundle, without a slash before it.
pub fn file(path: &str) -> Option<File> {
    // A debug build reads files: only plain names may lead to one.
    let is_plain = path
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.'));
    if !is_plain || path.contains(['\\', '\0']) {
        return None;
    }
    Files::get(path).map(|file| File {
        bytes: file.data,
        content_type: content_type(path),
    })
}

/// What a bundle of ours is made of.
fn content_type(path: &str) -> &'static str {
    let path = path
        .strip_suffix(".br")
        .or_else(|| path.strip_suffix(".gz"))
        .unwrap_or(path);
    match path.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_lead_to_a_file() {
        for path in [
            "",
            "/",
            "..",
            "../Cargo.toml",
            "assets/../../package.json",
            "/etc/passwd",
            ".env",
            "assets//x.js",
            "assets/\0",
            "..\\..\\package.json",
        ] {
            assert!(file(path).is_none(), "{path}");
        }
    }

    #[test]
    fn a_compressed_file_is_of_the_type_of_what_it_holds() {
        assert_eq!(content_type("assets/a.js.br"), content_type("assets/a.js"));
        assert_eq!(content_type("assets/a.woff2"), "font/woff2");
        assert_eq!(content_type("a"), "application/octet-stream");
    }
}
