//! `postrider verify`: judges a request that was pasted or saved.

mod diagnosis;
mod reprinted;
mod request;
mod scheme;
#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::Path;

use super::receive::unix_now;
use crate::cli::{VerifyArgs, VerifyScheme};
use crate::error::CommandError;
use crate::output;
use diagnosis::{At, Diagnosis, Examiner};
use request::Pasted;

/// Bytes of a request that are read: more than any sender of sense sends.
const LIMIT: u64 = 16 << 20;

pub(super) fn run(args: &VerifyArgs) -> Result<(), CommandError> {
    let request = match &args.body {
        Some(body) => Pasted::of_parts(&args.headers, file(body)?),
        None => Pasted::read(&match &args.request {
            Some(path) => file(path)?,
            None => limited("standard input", std::io::stdin().lock())?,
        }),
    };
    let request = request.map_err(CommandError::Usage)?;
    let at = at(args.at.as_deref())?;
    let found = judge(&request, &args.secrets, args.scheme, at)?;
    let mut text = found.lines.join("\n");
    text.push('\n');
    if found.genuine {
        Ok(output::print(&text)?)
    } else {
        output::print(&text)?;
        Err(CommandError::Failed(
            "the request is not verified".to_owned(),
        ))
    }
}

/// The scheme is the one asked for, else the one that the headers tell.
fn judge(
    request: &Pasted,
    secrets: &[String],
    scheme: Option<VerifyScheme>,
    at: At,
) -> Result<Diagnosis, CommandError> {
    let schemes = scheme.map_or_else(|| VerifyScheme::carried(request), |scheme| vec![scheme]);
    if schemes.is_empty() {
        return Ok(Diagnosis {
            genuine: false,
            lines: vec![
                "not signed: the request has no header with a signature that is known here"
                    .to_owned(),
                "Known are webhook-signature, svix-signature, X-Hub-Signature-256, \
                 Stripe-Signature and X-Slack-Signature. Was the right request pasted, with all \
                 its headers?"
                    .to_owned(),
            ],
        });
    }
    let mut found = None;
    for scheme in schemes {
        let examiner = Examiner {
            request,
            secrets,
            scheme,
            at,
        };
        // A secret's own text is not repeated: it would land in a terminal's scrollback.
        let judged = examiner.examine().map_err(|error| {
            CommandError::Usage(format!("--secret, for scheme {}: {error}", scheme.name()))
        });
        match judged {
            // While a customer migrates a request has two signatures, and one is enough.
            Ok(judged) if judged.genuine => return Ok(judged),
            judged => found = found.or(Some(judged)),
        }
    }
    found.unwrap_or_else(|| Err(CommandError::Usage("no scheme".to_owned())))
}

fn at(text: Option<&str>) -> Result<At, CommandError> {
    match text {
        None => Ok(At::Seconds(unix_now())),
        Some("received") => Ok(At::Signing),
        Some(text) => text.parse().map(At::Seconds).map_err(|_| {
            CommandError::Usage(format!("--at {text}: give Unix seconds, or `received`"))
        }),
    }
}

fn file(path: &Path) -> Result<Vec<u8>, CommandError> {
    let opened = std::fs::File::open(path);
    let opened =
        opened.map_err(|error| CommandError::Usage(format!("{}: {error}", path.display())))?;
    limited(&path.display().to_string(), opened)
}

fn limited(what: &str, source: impl std::io::Read) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let read = source.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| CommandError::Usage(format!("{what}: {error}")))?;
    if bytes.len() as u64 > LIMIT {
        return Err(CommandError::Usage(format!(
            "{what}: more than {} MiB",
            LIMIT >> 20
        )));
    }
    Ok(bytes)
}
