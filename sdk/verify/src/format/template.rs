//! What is signed, as a text with places for id, timestamp and body.

use std::fmt;

use crate::error::SetupError;

/// The longest template, in bytes.
const MAX_TEMPLATE: usize = 256;

/// A template, cut at its places.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    before: Vec<Part>,
    after: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    Id,
    Timestamp,
    Body,
}

/// The two values that a message has beside its body.
#[derive(Clone, Copy)]
pub(crate) struct Values<'a> {
    pub(crate) id: &'a str,
    pub(crate) timestamp: i64,
}

/// Parts with their values filled in.
pub(crate) struct Filled<'a>(&'a [Part], Values<'a>);

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, SetupError> {
        let parts = split(text).map_err(SetupError::SignedContent)?;
        check(&parts).map_err(SetupError::SignedContent)?;
        let mut halves = parts.split(|part| *part == Part::Body);
        let mut half = || halves.next().unwrap_or_default().to_vec();
        Ok(Self {
            before: half(),
            after: half(),
        })
    }

    pub(crate) fn has_id(&self) -> bool {
        self.parts().any(|part| *part == Part::Id)
    }

    pub(crate) fn has_timestamp(&self) -> bool {
        self.parts().any(|part| *part == Part::Timestamp)
    }

    /// The characters that part an id from what stands on its other side of them and can
    /// be anything too, if the id is signed. What is before or behind everything parts
    /// nothing.
    pub(crate) fn separators(&self) -> Vec<u8> {
        let parts: Vec<&Part> = self
            .before
            .iter()
            .chain([&Part::Body])
            .chain(&self.after)
            .collect();
        let mut separators = Vec::new();
        for three in parts.windows(3) {
            if let [left, Part::Literal(text), right] = three
                && [left, right].contains(&&&Part::Id)
            {
                separators.extend(text.bytes());
            }
        }
        separators
    }

    pub(crate) fn before<'a>(&'a self, values: Values<'a>) -> Filled<'a> {
        Filled(&self.before, values)
    }

    pub(crate) fn after<'a>(&'a self, values: Values<'a>) -> Filled<'a> {
        Filled(&self.after, values)
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.before.iter().chain(&self.after)
    }
}

impl fmt::Display for Filled<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0 {
            match part {
                Part::Literal(text) => f.write_str(text)?,
                Part::Id => f.write_str(self.1.id)?,
                Part::Timestamp => write!(f, "{}", self.1.timestamp)?,
                Part::Body => {}
            }
        }
        Ok(())
    }
}

fn split(text: &str) -> Result<Vec<Part>, &'static str> {
    if text.len() > MAX_TEMPLATE {
        return Err("it is longer than 256 characters");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it holds a space or something else that is not visible ASCII");
    }
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, behind) = rest
            .split_once('{')
            .map_or((rest, None), |(literal, behind)| (literal, Some(behind)));
        if literal.contains('}') {
            return Err("it has a `}` without a `{`");
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        let Some(behind) = behind else { break };
        let (place, behind) = behind.split_once('}').ok_or("it has a `{` without a `}`")?;
        parts.push(match place {
            "id" => Part::Id,
            "timestamp" => Part::Timestamp,
            "body" => Part::Body,
            _ => return Err("its places are `{id}`, `{timestamp}` and `{body}` only"),
        });
        rest = behind;
    }
    Ok(parts)
}

fn check(parts: &[Part]) -> Result<(), &'static str> {
    let count = |wanted: &Part| parts.iter().filter(|part| *part == wanted).count();
    if count(&Part::Body) != 1 {
        return Err("`{body}` must stand in it once");
    }
    if count(&Part::Id) > 1 || count(&Part::Timestamp) > 1 {
        return Err("no place may stand in it twice");
    }
    let neighbours = parts.iter().zip(parts.iter().skip(1));
    for (left, right) in neighbours {
        match (left, right) {
            (Part::Literal(_), Part::Timestamp) | (Part::Timestamp, Part::Literal(_))
                if touches_digits(left, right) =>
            {
                return Err("`{timestamp}` stands beside a digit");
            }
            (Part::Literal(_), _) | (_, Part::Literal(_)) => {}
            _ => return Err("two of its places touch: put a character such as `.` between them"),
        }
    }
    Ok(())
}

/// Whether a literal goes on where the timestamp's digits end, or leads into them.
fn touches_digits(left: &Part, right: &Part) -> bool {
    let digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    match (left, right) {
        (Part::Literal(text), _) => digit(text.as_bytes().last()),
        (_, Part::Literal(text)) => digit(text.as_bytes().first()),
        _ => false,
    }
}
