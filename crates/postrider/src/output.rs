//! Writing to the terminal.

use std::error::Error;
use std::io::{self, ErrorKind, Write as _};

/// What was to be printed could not be.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to standard output: {0}")]
pub struct PrintError(io::Error);

/// Writes `text` to standard output at once. A reader that has gone (`| head`) is no fault.
pub(crate) fn print(text: &str) -> Result<(), PrintError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(PrintError(error)),
        _ => Ok(()),
    }
}

/// Says something of weight on standard error: in the log, where there is one.
pub(crate) fn warn(text: &str) {
    if tracing::dispatcher::has_been_set() {
        tracing::warn!("{text}");
    } else {
        // Nothing is left to do if even this cannot be said.
        let _ = writeln!(io::stderr().lock(), "postrider: {text}");
    }
}

/// Says on standard error why a command failed.
pub(crate) fn complain(error: &dyn Error) {
    // Nothing is left to do if even this cannot be said.
    let _ = writeln!(io::stderr().lock(), "postrider: {}", chain(error));
}

/// `error` and what caused it, in one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Some errors repeat their cause in their own words.
        if !said.contains(&words) {
            said.push_str(": ");
            said.push_str(&words);
        }
        cause = error.source();
    }
    said
}
