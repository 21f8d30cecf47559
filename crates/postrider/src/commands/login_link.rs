//! `postrider login-link`: a one-time link into the console.

use std::path::Path;
use std::time::Duration;

use postrider_domain::OrgId;
use postrider_store::{Store, StoreError, StoreResult};
use url::Url;

use crate::cli::LoginLinkArgs;
use crate::database::{self, DatabaseError};
use crate::error::CommandError;
use crate::output;

/// For how long the code of a link works.
const LIFE: Duration = Duration::from_mins(10);

pub(super) fn run(args: LoginLinkArgs, config: Option<&Path>) -> Result<(), CommandError> {
    let settings = super::settings(args.database.flags(), config)?.settings;
    let link = super::block_on(async {
        let store = database::open(&settings).await?;
        let link = match store.org_by_name(&args.org).await {
            Ok(org) => make(&store, org.id, &settings.public_url)
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
    output::print(&format!("{link}\n"))
}

/// A link that signs in once, within ten minutes. The code stands in the fragment, which
/// browsers send to nobody.
pub(crate) async fn make(store: &Store, org: OrgId, public_url: &Url) -> StoreResult<String> {
    let ends = store.clock().now().plus(LIFE);
    let code = store.create_console_code(org, ends).await?;
    let base = public_url.as_str().trim_end_matches('/');
    Ok(format!("{base}/#code={}", code.expose()))
}
