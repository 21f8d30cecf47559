//! Exit codes.

use std::process::ExitCode;

/// Exit codes; `postrider --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Tried and failed.
    Failure = 1,
    /// The command line or the settings are wrong; nothing was tried.
    Usage = 2,
    /// The database does not answer (`EX_UNAVAILABLE` of sysexits.h): try again later.
    DatabaseUnreachable = 69,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
