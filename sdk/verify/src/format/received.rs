//! The headers of one message in such a format, well formed but not yet trusted.

use super::encoding::Found;
use super::template::Values;
use super::{HmacFormat, Layout, Plan};
use crate::error::VerifyError;
use crate::headers::HeaderSource;
use crate::parse::{Name, optional, parse_id, parse_timestamp, single};

/// The longest list of signatures that is read, in bytes, and its most entries.
const MAX_LIST: usize = 8 * 1024;
const MAX_ENTRIES: usize = 32;

/// What the headers hold.
pub(crate) struct Received<'a> {
    pub(crate) id: Option<&'a str>,
    pub(crate) event_type: Option<&'a str>,
    pub(crate) timestamp: Option<i64>,
    /// Those of the right length; others can never fit.
    pub(crate) signatures: Vec<Found>,
}

impl Received<'_> {
    pub(crate) fn values(&self) -> Values<'_> {
        Values {
            id: self.id.unwrap_or_default(),
            timestamp: self.timestamp.unwrap_or_default(),
        }
    }
}

impl Plan {
    pub(crate) fn read<'a>(
        &'a self,
        headers: &'a (impl HeaderSource + ?Sized),
    ) -> Result<Received<'a>, VerifyError> {
        let format = &self.format;
        let signature = single(headers, &format.signature)?;
        let mut received = match &format.layout {
            Layout::Single { prefix } => read_single(format, prefix, signature),
            Layout::List => read_list(format, signature),
        }?;
        if let Some(name) = &format.timestamp {
            let value = single(headers, name)?;
            received.timestamp = Some(parse_timestamp(value).ok_or_else(|| malformed(name))?);
        }
        received.id = text(headers, format.id.as_ref(), &self.separators)?;
        if let (None, Some(name), true) = (received.id, &format.id, self.template.has_id()) {
            return Err(VerifyError::MissingHeader(name.clone()));
        }
        received.event_type = text(headers, format.event_type.as_ref(), &[])?;
        Ok(received)
    }
}

fn text<'a>(
    headers: &'a (impl HeaderSource + ?Sized),
    name: Option<&'a Name>,
    separators: &[u8],
) -> Result<Option<&'a str>, VerifyError> {
    let Some(name) = name else { return Ok(None) };
    let Some(value) = optional(headers, name)? else {
        return Ok(None);
    };
    let text = parse_id(value, separators).ok_or_else(|| malformed(name))?;
    Ok(Some(text))
}

fn malformed(name: &Name) -> VerifyError {
    VerifyError::MalformedHeader(name.clone())
}

fn read_single<'a>(
    format: &HmacFormat,
    prefix: &str,
    value: &[u8],
) -> Result<Received<'a>, VerifyError> {
    let found = value
        .strip_prefix(prefix.as_bytes())
        .and_then(|text| format.encoding.decode(format.hash, text))
        .ok_or_else(|| malformed(&format.signature))?;
    Ok(Received {
        id: None,
        event_type: None,
        timestamp: None,
        signatures: vec![found],
    })
}

fn read_list<'a>(format: &HmacFormat, value: &[u8]) -> Result<Received<'a>, VerifyError> {
    let fits = value.len() <= MAX_LIST && value.iter().all(u8::is_ascii_graphic);
    let entries = value.split(|byte| *byte == b',');
    if !fits || entries.clone().count() > MAX_ENTRIES {
        return Err(malformed(&format.signature));
    }
    let mut timestamp = None;
    let mut signed = false;
    let mut signatures = Vec::new();
    for entry in entries {
        let equals = entry.iter().position(|byte| *byte == b'=');
        let (name, value) = equals
            .and_then(|equals| Some((entry.get(..equals)?, entry.get(equals + 1..)?)))
            .ok_or_else(|| malformed(&format.signature))?;
        match name {
            b"t" if timestamp.is_none() => {
                let seconds = parse_timestamp(value).ok_or_else(|| malformed(&format.signature))?;
                timestamp = Some(seconds);
            }
            b"t" => return Err(malformed(&format.signature)),
            b"v1" => {
                signed = true;
                signatures.extend(format.encoding.decode(format.hash, value));
            }
            _ => {}
        }
    }
    if timestamp.is_none() {
        return Err(malformed(&format.signature));
    }
    if !signed {
        return Err(VerifyError::UnsupportedScheme);
    }
    Ok(Received {
        id: None,
        event_type: None,
        timestamp,
        signatures,
    })
}
