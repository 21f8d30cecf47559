//! `postrider migrate`.

use std::path::Path;

use crate::cli::DatabaseArgs;
use crate::error::CommandError;
use crate::{database, output};

pub(super) fn run(args: DatabaseArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let settings = super::settings(args.flags(), config)?.settings;
    super::block_on(async {
        // Opening brings the database up to date, just as `serve` does.
        let store = database::open(&settings).await?;
        store.close().await;
        Ok(())
    })?;
    Ok(output::print(&format!(
        "{} is up to date\n",
        settings.database_url
    ))?)
}
