//! `docs/settings.md`, made from the registry.

use std::fmt::Write as _;

use super::layers::DEFAULT_FILE;
use super::registry::{ALL, Setting};

/// The text of `docs/settings.md`; `cargo xtask regen` writes it.
pub fn markdown() -> String {
    let mut text = String::from(
        "<!-- Made by `cargo xtask regen` from crates/postrider/src/settings/registry.rs. -->\n\n\
         # Settings\n\n",
    );
    let _ = writeln!(
        text,
        "Command line flags beat environment variables, these beat the file, and the file beats \
         the defaults. The file is `{DEFAULT_FILE}` in the working directory, or the one that \
         `--config PATH` names. In the file a list may be written as text with commas or as a \
         TOML array.\n\n\
         `postrider config` shows every setting, its value, its default and where the value came \
         from. A wrong value, an unknown key and an unknown `POSTRIDER_` variable stop the start \
         with exit code 2; the message names them and what is allowed. Left alone are variables \
         that begin with `POSTRIDER_TEST_`, `POSTRIDER_PORT` or `POSTRIDER_SERVICE_` (Kubernetes \
         sets the last two for a service called `postrider`), and `POSTRIDER_BIN`.\n\n\
         | environment | key in the file | flag | default |\n|---|---|---|---|"
    );
    for setting in ALL {
        let _ = writeln!(
            text,
            "| [`{}`](#{}) | `{}` | {} | {} |",
            setting.env(),
            setting.env().to_ascii_lowercase(),
            setting.key(),
            flag(setting),
            default(setting),
        );
    }
    for setting in ALL {
        let _ = write!(
            text,
            "\n## {}\n\n{}\n\n- Allowed: {}.\n- Default: {}.\n",
            setting.env(),
            setting.meaning,
            setting.allowed,
            default(setting),
        );
        if setting.secret {
            text.push_str("- Secret: never shown or logged.\n");
        }
    }
    text
}

fn flag(setting: &Setting) -> String {
    setting
        .flag
        .map_or_else(String::new, |flag| format!("`{flag}`"))
}

fn default(setting: &Setting) -> String {
    match setting.default {
        Some("") => "none".to_owned(),
        Some(value) => format!("`{value}`"),
        None => setting.default_note.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_checked_in_reference_is_what_the_registry_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/settings.md");
        let checked_in = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            checked_in == super::markdown(),
            "docs/settings.md is stale: run `cargo xtask regen`"
        );
    }
}
