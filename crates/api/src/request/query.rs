//! Parameters of a query: what an operation declares is what its handler may read.

use postrider_domain::{AttemptStatus, Timestamp};
use postrider_store::Order;

use super::time;
use crate::error::{ApiError, ApiResult};

/// What a parameter's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`, with what holds when it is absent.
    Bool(bool),
    /// A whole number within bounds, with what holds when it is absent.
    Number(u16, u16, u16),
    /// A point in time.
    Time,
    /// Any text.
    Text,
    /// Texts: `a,b`, repeated, `name[]=` or `name[0]=`.
    List,
    /// `ascending` or `descending`.
    Order,
    /// One of these words.
    Word(&'static [&'static str]),
    /// The number of an attempt's status.
    Status,
    /// 0, 100, 200, ... 500.
    StatusClass,
}

/// A parameter that an operation understands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it may be.
    pub kind: Kind,
    /// What it does.
    pub about: &'static str,
}

/// A request's query, read by the operation's parameters; others are ignored.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    declared: &'static [Param],
}

impl Query {
    /// Reads a raw query. Bytes that are no UTF-8 once decoded are refused.
    pub(crate) fn parse(raw: Option<&str>, declared: &'static [Param]) -> ApiResult<Self> {
        let mut pairs = Vec::new();
        for pair in raw
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
        {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or_else(|| not_text("a name"))?;
            let value = decode(value).ok_or_else(|| not_text(&format!("the value of {name:?}")))?;
            pairs.push((name, value));
        }
        Ok(Self { pairs, declared })
    }

    fn one(&self, name: &'static str) -> Option<&str> {
        debug_assert!(
            self.declared.iter().any(|param| param.name == name),
            "{name} is not declared by the operation"
        );
        self.pairs
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// The text of a parameter, if it is there and not empty.
    pub(crate) fn text(&self, name: &'static str) -> Option<&str> {
        self.one(name).filter(|text| !text.is_empty())
    }

    /// A truth, or `default`.
    pub(crate) fn bool(&self, name: &'static str, default: bool) -> ApiResult<bool> {
        match self.one(name) {
            None => Ok(default),
            Some("true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(refuse(name, other, "true or false")),
        }
    }

    /// A whole number within bounds, or `default`.
    pub(crate) fn number(
        &self,
        name: &'static str,
        (min, max): (u16, u16),
        default: u16,
    ) -> ApiResult<u16> {
        let Some(text) = self.one(name) else {
            return Ok(default);
        };
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| refuse(name, text, &format!("a whole number from {min} to {max}")))
    }

    /// A point in time.
    pub(crate) fn time(&self, name: &'static str) -> ApiResult<Option<Timestamp>> {
        self.one(name)
            .map(|text| {
                time::parse(text)
                    .ok_or_else(|| refuse(name, text, "a time such as 2026-01-31T12:00:00Z"))
            })
            .transpose()
    }

    /// The order of a list, or `default`.
    pub(crate) fn order(&self, default: Order) -> ApiResult<Order> {
        match self.one("order") {
            None => Ok(default),
            Some("ascending") => Ok(Order::Ascending),
            Some("descending") => Ok(Order::Descending),
            Some(other) => Err(refuse("order", other, "ascending or descending")),
        }
    }

    /// One of the words that the parameter may be.
    pub(crate) fn word(&self, name: &'static str) -> ApiResult<Option<&'static str>> {
        let declared = self.declared.iter().find(|param| param.name == name);
        let Some(Kind::Word(words)) = declared.map(|param| param.kind) else {
            return Ok(None);
        };
        self.one(name)
            .map(|text| {
                words
                    .iter()
                    .copied()
                    .find(|word| *word == text)
                    .ok_or_else(|| refuse(name, text, &words.join(", ")))
            })
            .transpose()
    }

    /// An attempt's status by its number.
    pub(crate) fn status(&self) -> ApiResult<Option<AttemptStatus>> {
        self.one("status")
            .map(|text| {
                text.parse::<i16>()
                    .ok()
                    .and_then(|code| AttemptStatus::try_from(code).ok())
                    .ok_or_else(|| {
                        let allowed =
                            "0 (success), 1 (pending), 2 (fail), 3 (sending) or 4 (canceled)";
                        refuse("status", text, allowed)
                    })
            })
            .transpose()
    }

    /// A class of HTTP status: its lowest number, 0 for no answer.
    pub(crate) fn status_class(&self) -> ApiResult<Option<u16>> {
        self.one("status_code_class")
            .map(|text| {
                text.parse()
                    .ok()
                    .filter(|class| [0, 100, 200, 300, 400, 500].contains(class))
                    .ok_or_else(|| {
                        refuse("status_code_class", text, "0, 100, 200, 300, 400 or 500")
                    })
            })
            .transpose()
    }

    /// All the texts of a list, however it is written.
    pub(crate) fn list(&self, name: &'static str) -> Vec<String> {
        debug_assert!(
            self.declared.iter().any(|param| param.name == name),
            "{name}"
        );
        self.pairs
            .iter()
            .filter(|(key, _)| is_item(key, name))
            .flat_map(|(_, value)| value.split(','))
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }
}

/// Whether `key` is `name`, `name[]` or `name[<digits>]`.
fn is_item(key: &str, name: &str) -> bool {
    let Some(rest) = key.strip_prefix(name) else {
        return false;
    };
    rest.is_empty()
        || rest
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
}

fn refuse(name: &str, value: &str, allowed: &str) -> ApiError {
    let shown: String = value.chars().take(100).collect();
    ApiError::invalid_query(name, format!("{shown:?} is not allowed: give {allowed}"))
}

fn not_text(what: &str) -> ApiError {
    ApiError::invalid(vec![crate::error::Fault::new(
        &["query"],
        format!(
            "{what} is not UTF-8 once percent-decoded, or holds a NUL: encode plain text as UTF-8"
        ),
        crate::error::VALUE_ERROR,
    )])
}

/// Undoes the encoding of a form: `+` for a space, `%xx` for a byte. A `%` that no
/// two digits follow stands for itself, as browsers have it (WHATWG URL, "percent-decode").
fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced)
        .decode_utf8()
        .ok()?;
    // PostgreSQL's text knows no NUL, nor does any name of ours.
    (!decoded.contains('\0')).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &[Param] = &[
        Param {
            name: "flag",
            kind: Kind::Bool(false),
            about: "",
        },
        Param {
            name: "limit",
            kind: Kind::Number(0, 250, 50),
            about: "",
        },
        Param {
            name: "event_types",
            kind: Kind::List,
            about: "",
        },
        Param {
            name: "status",
            kind: Kind::Status,
            about: "",
        },
        Param {
            name: "status_code_class",
            kind: Kind::StatusClass,
            about: "",
        },
        Param {
            name: "before",
            kind: Kind::Time,
            about: "",
        },
        Param {
            name: "order",
            kind: Kind::Order,
            about: "",
        },
    ];

    fn query(raw: &str) -> Query {
        Query::parse(Some(raw), DECLARED).unwrap()
    }

    #[test]
    fn a_list_may_be_written_in_four_ways() {
        for raw in [
            "event_types=a,b",
            "event_types=a&event_types=b",
            "event_types[]=a&event_types[]=b",
            "event_types[0]=a&event_types%5B1%5D=b",
        ] {
            assert_eq!(query(raw).list("event_types"), ["a", "b"], "{raw}");
        }
        assert!(
            query("event_types[x]=a&event_typesx=b&event_types=")
                .list("event_types")
                .is_empty()
        );
    }

    #[test]
    fn a_bad_value_is_refused_with_name_value_and_remedy() {
        let errors = [
            query("flag=yes").bool("flag", false).unwrap_err(),
            query("limit=251")
                .number("limit", (0, 250), 50)
                .unwrap_err(),
            query("limit=-1").number("limit", (0, 250), 50).unwrap_err(),
            query("status=5").status().unwrap_err(),
            query("status_code_class=201").status_class().unwrap_err(),
            query("before=soon").time("before").unwrap_err(),
            query("order=up").order(Order::Ascending).unwrap_err(),
        ];
        for error in errors {
            let fault = &error.faults()[0];
            assert_eq!(fault.loc[0], "query");
            assert!(fault.msg.contains("is not allowed: give "), "{fault:?}");
        }
    }

    #[test]
    fn absent_parameters_take_their_defaults_and_unknown_ones_are_ignored() {
        let query = query("what=ever&&=&x");
        assert_eq!(query.number("limit", (0, 250), 50).unwrap(), 50);
        assert!(query.bool("flag", true).unwrap());
        assert_eq!(query.status().unwrap(), None);
        assert_eq!(query.order(Order::Descending).unwrap(), Order::Descending);
    }

    #[test]
    fn a_status_may_be_canceled() {
        assert_eq!(
            query("status=4").status().unwrap(),
            Some(AttemptStatus::Canceled)
        );
    }

    #[test]
    fn percent_encoding_is_undone_once_and_must_give_text() {
        assert_eq!(decode("a%20b+c%25%zz%").as_deref(), Some("a b c%%zz%"));
        assert_eq!(decode("%ff"), None);
        assert_eq!(decode("a%00"), None);
        assert!(Query::parse(Some("x=%ff"), DECLARED).is_err());
    }
}
