//! A format that was checked, ready for use.

use super::template::{Filled, Template, Values};
use super::{HmacFormat, Layout};
use crate::error::SetupError;
use crate::hmac_key::{HmacKey, Tag};

/// The longest header name and prefix, in bytes.
const MAX_NAME: usize = 128;
/// The longest prefix, in bytes.
const MAX_PREFIX: usize = 64;

/// A format whose names are names and whose template was read.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) format: HmacFormat,
    pub(crate) template: Template,
    /// Characters that no id may hold.
    pub(crate) separators: Vec<u8>,
}

impl Plan {
    pub(crate) fn new(format: HmacFormat) -> Result<Self, SetupError> {
        check_names(&format)?;
        check_prefix(&format)?;
        let template = Template::parse(&format.content)?;
        check_places(&format, &template).map_err(SetupError::SignedContent)?;
        Ok(Self {
            separators: template.separators(),
            format,
            template,
        })
    }

    pub(crate) fn tag(&self, key: &HmacKey, values: Values<'_>, body: &[u8]) -> Tag {
        let before: Filled<'_> = self.template.before(values);
        key.tag(before, body, self.template.after(values))
    }
}

fn check_names(format: &HmacFormat) -> Result<(), SetupError> {
    let names: Vec<&str> = format.header_names().collect();
    for (index, name) in names.iter().enumerate() {
        if !is_token(name) {
            return Err(SetupError::HeaderName((*name).to_owned()));
        }
        if names.iter().take(index).any(|other| other == name) {
            return Err(SetupError::RepeatedHeader((*name).to_owned()));
        }
    }
    Ok(())
}

/// A token of RFC 9110, section 5.6.2, in lower case.
fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(allowed)
}

fn check_prefix(format: &HmacFormat) -> Result<(), SetupError> {
    let Layout::Single { prefix } = &format.layout else {
        return Ok(());
    };
    let fits = prefix.len() <= MAX_PREFIX && prefix.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        Ok(())
    } else {
        Err(SetupError::Prefix)
    }
}

fn check_places(format: &HmacFormat, template: &Template) -> Result<(), &'static str> {
    let carried = format.timestamp.is_some() || format.layout == Layout::List;
    match (template.has_timestamp(), carried) {
        (true, false) => return Err("it has `{timestamp}`, but no header for it is set"),
        (false, true) => return Err("it lacks `{timestamp}`, which would then prove nothing"),
        _ => {}
    }
    if template.has_id() && format.id.is_none() {
        return Err("it has `{id}`, but no header for it is set");
    }
    if format.layout == Layout::List && format.timestamp.is_some() {
        return Err("Stripe's format has its timestamp in the header of the signature");
    }
    Ok(())
}
