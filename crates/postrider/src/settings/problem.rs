//! What can be wrong with the settings, said so that it can be put right.

use std::fmt;
use std::path::PathBuf;

use super::layers::Origin;
use super::registry::Setting;

/// One wrong setting.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A value that the setting does not take.
    #[error("{} = {value} ({origin}): must be {allowed}", setting.env())]
    Wrong {
        setting: &'static Setting,
        /// The value, masked if it is secret.
        value: String,
        /// Who set it.
        origin: Origin,
        /// What it must be.
        allowed: String,
    },
    /// A variable that begins like ours and is none.
    #[error("{name}: there is no such setting{}", hint(nearest.as_deref()))]
    UnknownVariable {
        /// The variable's name.
        name: String,
        /// The known variable nearest to it.
        nearest: Option<String>,
    },
    /// A key of the file that is none of ours.
    #[error("{}: key {key:?}: there is no such setting{}", file.display(), hint(nearest.as_deref()))]
    UnknownKey {
        file: PathBuf,
        key: String,
        /// The known key nearest to it.
        nearest: Option<String>,
    },
    /// A key of the file that holds a table, a date or a nested list.
    #[error(
        "{}: key {key:?}: must be a string, a number, true or false, or a list of these",
        file.display()
    )]
    WrongShape { file: PathBuf, key: String },
    /// A variable that is not UTF-8.
    #[error("{name}: the value is not UTF-8 text")]
    NotText {
        /// The variable's name.
        name: String,
    },
    /// A file that cannot be read, or is not TOML.
    #[error("settings file {}: {reason}", file.display())]
    File {
        file: PathBuf,
        /// Why not; never a quotation of the file.
        reason: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(
        || "; `postrider config` lists them".to_owned(),
        |name| format!("; did you mean {name}?"),
    )
}

/// Everything that is wrong with the settings, so that one look suffices.
#[derive(Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}
