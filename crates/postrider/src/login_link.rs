//! Links that sign in to the dashboard, once.

use std::time::Duration;

use postrider_domain::OrgId;
use postrider_store::{Store, StoreResult};
use url::Url;

/// For how long the code of a link works.
const LIFE: Duration = Duration::from_mins(10);

/// A link that signs in once, within ten minutes. The code stands in the fragment, which
/// browsers send to nobody.
pub(crate) async fn make(store: &Store, org: OrgId, public_url: &Url) -> StoreResult<String> {
    let ends = store.clock().now().plus(LIFE);
    let code = store.create_console_code(org, ends).await?;
    let base = public_url.as_str().trim_end_matches('/');
    Ok(format!("{base}/#code={}", code.expose()))
}
