//! What a general HMAC covers: a template of the parts of a delivery.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Invalid;
use crate::invalid::shown;

/// The most characters of a template.
const MAX_TEMPLATE: usize = 128;

/// A part of what is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `{id}`: the message's id.
    Id,
    /// `{timestamp}`: the seconds of the attempt.
    Timestamp,
    /// `{body}`: the body's bytes.
    Body,
    /// This text itself.
    Text(String),
}

impl Part {
    const NAMED: [Self; 3] = [Self::Id, Self::Timestamp, Self::Body];

    /// How a template names it; `None` if it stands for itself.
    pub const fn placeholder(&self) -> Option<&'static str> {
        match self {
            Self::Id => Some("{id}"),
            Self::Timestamp => Some("{timestamp}"),
            Self::Body => Some("{body}"),
            Self::Text(_) => None,
        }
    }
}

/// What is signed: the body once, and around it whatever the receiver knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Content(Vec<Part>);

impl Default for Content {
    fn default() -> Self {
        Self(vec![Part::Body])
    }
}

impl Content {
    /// Reads a template such as `{timestamp}.{body}`. No two parts may touch, nor the
    /// seconds a digit: one could then be cut short in favour of the other.
    pub fn parse(template: &str) -> Result<Self, Invalid> {
        let parts = split(template);
        let refuse = |why: &str| {
            Err(Invalid::new(format!(
                "content: {} {why}: give {{body}}, and if you like {{id}} and {{timestamp}}, each once, with visible ASCII between them, at most {MAX_TEMPLATE} characters",
                shown(template)
            )))
        };
        if template.len() > MAX_TEMPLATE {
            return refuse("is too long");
        }
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"{}".contains(&byte);
        if parts
            .iter()
            .any(|part| matches!(part, Part::Text(text) if !text.bytes().all(is_plain)))
        {
            return refuse("holds something else");
        }
        let count = |wanted: Part| parts.iter().filter(|part| **part == wanted).count();
        if count(Part::Body) != 1 || count(Part::Id) > 1 || count(Part::Timestamp) > 1 {
            return refuse("does not sign the body once, or something else twice");
        }
        if parts.iter().zip(parts.iter().skip(1)).any(touch) {
            return refuse("lets two of its parts touch, or a digit the seconds");
        }
        Ok(Self(parts))
    }

    /// Its parts, in order.
    pub fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether it holds this part.
    pub fn has(&self, part: &Part) -> bool {
        self.0.contains(part)
    }
}

/// Cuts a template at its named parts; what is left over is text.
fn split(template: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = template;
    while let Some(next) = rest.chars().next() {
        let named = Part::NAMED
            .into_iter()
            .find_map(|part| Some((rest.strip_prefix(part.placeholder()?)?, part)));
        if let Some((behind, part)) = named {
            if !text.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut text)));
            }
            parts.push(part);
            rest = behind;
        } else {
            text.push(next);
            rest = rest.get(next.len_utf8()..).unwrap_or_default();
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// Whether a receiver could not tell where one ends and the other begins.
fn touch((left, right): (&Part, &Part)) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    match (left, right) {
        (Part::Text(text), Part::Timestamp) => digit(text.as_bytes().last()),
        (Part::Timestamp, Part::Text(text)) => digit(text.as_bytes().first()),
        (Part::Text(_), _) | (_, Part::Text(_)) => false,
        _ => true,
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.0 {
            match part {
                Part::Text(text) => f.write_str(text)?,
                named => f.write_str(named.placeholder().unwrap_or_default())?,
            }
        }
        Ok(())
    }
}

impl TryFrom<String> for Content {
    type Error = Invalid;

    fn try_from(template: String) -> Result<Self, Invalid> {
        Self::parse(&template)
    }
}

impl From<Content> for String {
    fn from(content: Content) -> Self {
        content.to_string()
    }
}
