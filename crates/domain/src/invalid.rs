//! The one error of the rules in this crate: what was wrong and what to do.

/// A value that a rule refuses. Its text names the value and the remedy; the
/// field is known to the caller only, who adds it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{msg}")]
pub struct Invalid {
    /// What was wrong and what is allowed instead.
    pub msg: String,
    /// Which item of a list it is about, counted from 0.
    pub item: Option<usize>,
}

impl Invalid {
    /// A refusal with this text.
    pub fn new(msg: impl Into<String>) -> Self {
        Self {
            msg: msg.into(),
            item: None,
        }
    }

    /// The same, about this item of a list.
    pub(crate) fn of_item(self, at: usize) -> Self {
        Self {
            item: Some(at),
            ..self
        }
    }
}

/// How much of a refused value is shown back.
const SHOWN: usize = 60;

/// The value in quotes, escaped and cut, fit for an error text or a log line.
pub(crate) fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(SHOWN).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    format!("{text:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_value_is_shown_escaped_and_cut() {
        assert_eq!(shown("a\r\nb"), r#""a\r\nb""#);
        let long = shown(&"é".repeat(1000));
        assert_eq!(long.chars().count(), SHOWN + 3);
        assert!(long.ends_with("…\""));
    }
}
