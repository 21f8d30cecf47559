//! Writing to the terminal.

use std::io::{self, ErrorKind, Write as _};

use crate::error::{CommandError, chain};

/// Writes `text` to standard output at once. A reader that has gone (`| head`) is no fault.
pub(crate) fn print(text: &str) -> Result<(), CommandError> {
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(CommandError::Failed(format!(
            "cannot write to standard output: {error}"
        ))),
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
pub(crate) fn complain(error: &CommandError) {
    // Nothing is left to do if even this cannot be said.
    let _ = writeln!(io::stderr().lock(), "postrider: {}", chain(error));
}
