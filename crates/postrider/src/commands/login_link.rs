//! `postrider login-link`: a one-time link into the console.

use std::path::Path;

use postrider_store::StoreError;

use crate::cli::LoginLinkArgs;
use crate::database::{self, DatabaseError};
use crate::error::CommandError;
use crate::login_link;
use crate::output;

pub(super) fn run(args: LoginLinkArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let settings = super::settings(args.database.flags(), config)?.settings;
    let link = super::block_on(async {
        let store = database::open(&settings).await?;
        let link = match store.org_by_name(&args.org).await {
            Ok(org) => login_link::make(&store, org.id, &settings.public_url)
                .await
                .map_err(|error| DatabaseError::Use(error).into()),
            Err(error @ StoreError::NotFound(_)) => {
                Err(CommandError::Failed(format!("--org {}: {error}", args.org)))
            }
            Err(error) => Err(DatabaseError::Use(error).into()),
        };
        store.close().await;
        link
    })?;
    Ok(output::print(&format!("{link}\n"))?)
}
