//! Gathers what flags, environment and file say, and lays one over the other.
//!
//! Every value travels as text, just as it was written, and is parsed in one place
//! whatever it came from: a reader that guesses types makes a number of a secret of digits.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::nearest::nearest;
use super::problem::{Problem, Problems};
use super::registry::{ALL, ENV_PREFIX, Setting};

/// The file that is read when it exists and no other is named.
pub const DEFAULT_FILE: &str = "postrider.toml";

/// Who set a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    File(PathBuf),
    /// An environment variable.
    Environment,
    /// A command line flag.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment => f.write_str("environment"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// What was found outside, before any of it is judged.
#[derive(Debug, Default)]
pub struct Inputs {
    /// Values of command line flags, by setting name.
    pub flags: BTreeMap<&'static str, String>,
    /// The environment; the variables that are not ours do no harm.
    pub environment: Vec<(String, String)>,
    /// Path and text of the settings file.
    pub file: Option<(PathBuf, String)>,
}

impl Inputs {
    /// Reads the process's environment, and the file: `config` if given, else
    /// `postrider.toml` in the working directory if there is one.
    ///
    /// # Errors
    /// A file that cannot be read, or one of our variables that is not UTF-8.
    pub fn gather(
        flags: BTreeMap<&'static str, String>,
        config: Option<&Path>,
    ) -> Result<Self, Problems> {
        Ok(Self {
            flags,
            environment: environment()?,
            file: read_file(config)?,
        })
    }
}

fn environment() -> Result<Vec<(String, String)>, Problem> {
    let mut found = Vec::new();
    for (name, value) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if !name.starts_with(ENV_PREFIX) {
            continue;
        }
        match value.into_string() {
            Ok(value) => found.push((name, value)),
            Err(_) => return Err(Problem::NotText { name }),
        }
    }
    Ok(found)
}

fn read_file(config: Option<&Path>) -> Result<Option<(PathBuf, String)>, Problem> {
    let file = config.unwrap_or(Path::new(DEFAULT_FILE));
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(Some((file.to_owned(), text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && config.is_none() => Ok(None),
        Err(error) => Err(Problem::File {
            file: file.to_owned(),
            reason: error.to_string(),
        }),
    }
}

/// The layers, one over the other: of each setting the text that counts, and whose it is.
pub(super) struct Layers(BTreeMap<&'static str, (String, Origin)>);

impl Layers {
    /// Lays flags over environment over file over defaults. What is wrong goes to `problems`.
    pub(super) fn stack(inputs: Inputs, problems: &mut Vec<Problem>) -> Self {
        let defaults = ALL
            .iter()
            .filter_map(|setting| Some((setting.name, setting.default?.to_owned())));
        let environment = known_variables(inputs.environment, problems);
        let file = inputs.file.map(|(path, text)| {
            let values = file_values(&path, &text, problems);
            (Origin::File(path), values)
        });
        let mut layers = Self(BTreeMap::new());
        layers.lay(&Origin::Default, defaults);
        if let Some((origin, values)) = file {
            layers.lay(&origin, values);
        }
        layers.lay(&Origin::Environment, environment);
        layers.lay(&Origin::Flag, inputs.flags);
        layers
    }

    /// Lays texts over what is there.
    fn lay(&mut self, origin: &Origin, values: impl IntoIterator<Item = (&'static str, String)>) {
        let values = values.into_iter();
        self.0
            .extend(values.map(|(setting, text)| (setting, (text, origin.clone()))));
    }

    /// The text that counts for `setting`, and where it is from.
    pub(super) fn find(&self, setting: &Setting) -> Option<(String, Origin)> {
        self.0.get(setting.name).cloned()
    }
}

fn known_variables(
    environment: Vec<(String, String)>,
    problems: &mut Vec<Problem>,
) -> Vec<(&'static str, String)> {
    let mut known = Vec::new();
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
            continue;
        };
        if let Some(setting) = ALL.iter().find(|setting| setting.name == rest) {
            known.push((setting.name, value));
        } else if !is_somebody_elses(rest) {
            let nearest = nearest(rest, ALL.iter().map(|setting| setting.name.to_owned()));
            problems.push(Problem::UnknownVariable {
                name: name.clone(),
                nearest: nearest.map(|found| format!("{ENV_PREFIX}{found}")),
            });
        }
    }
    known
}

/// Variables with our prefix that are no settings: those of the tests, and those that
/// Kubernetes sets in every pod once a Service is called `postrider`.
fn is_somebody_elses(rest: &str) -> bool {
    rest == "BIN"
        || rest == "PORT"
        || ["TEST_", "PORT_", "SERVICE_"]
            .iter()
            .any(|prefix| rest.starts_with(prefix))
}

fn file_values(
    path: &Path,
    text: &str,
    problems: &mut Vec<Problem>,
) -> Vec<(&'static str, String)> {
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            problems.push(Problem::File {
                file: path.to_owned(),
                reason: syntax_error(text, &error),
            });
            return Vec::new();
        }
    };
    let mut known = Vec::new();
    for (key, value) in table {
        match (
            ALL.iter().find(|setting| setting.key() == key),
            as_text(&value),
        ) {
            (Some(setting), Some(text)) => known.push((setting.name, text)),
            (Some(_), None) => problems.push(Problem::WrongShape {
                file: path.to_owned(),
                key,
            }),
            (None, _) => problems.push(Problem::UnknownKey {
                file: path.to_owned(),
                nearest: nearest(&key, ALL.iter().map(|setting| setting.key())),
                key,
            }),
        }
    }
    known
}

/// The parser's message and the line; not its quotation of the line, which may hold a secret.
fn syntax_error(text: &str, error: &toml::de::Error) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = 1 + text.get(..start).unwrap_or_default().matches('\n').count();
    format!("line {line}: {}", error.message())
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items
                .iter()
                .map(|item| as_text(item).filter(|_| !item.is_array()))
                .collect();
            Some(texts?.join(","))
        }
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
