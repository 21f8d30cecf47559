//! `postrider key`.

use std::path::Path;

use crate::cli::KeyCommand;
use crate::error::CommandError;

pub(super) fn run(_command: KeyCommand, _config: Option<&Path>) -> Result<(), CommandError> {
    Err(CommandError::Failed("not yet".to_owned()))
}
