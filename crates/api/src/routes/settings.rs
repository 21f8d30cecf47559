//! What an organisation decides for all its applications.

use http::Method;
use serde_json::json;

use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::ApiResult;
use crate::operation::Operation;
use crate::wire::settings::{SettingsOut, SettingsPatch};

const PATH: &str = "/api/v1/settings";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::GET, PATH, "v1.settings.get", get)
            .says("Get the settings", "What the organisation decides for all its applications.")
            .answers::<SettingsOut>(200, "The settings"),
        Operation::new(Method::PATCH, PATH, "v1.settings.patch", patch)
            .says("Change the settings", "Changes what the body names; null gives a field its default. Every node honours the change within a second. The rate limit is each node's own: behind a balancer, the organisation is accepted as many times more as there are nodes that take requests.")
            .takes::<SettingsPatch>(json!({"strictCatalogue": true, "rateLimit": 500}))
            .answers::<SettingsOut>(200, "The settings as they are now"),
    ]
    .into_iter()
    .map(|operation| operation.tag("Settings"))
    .collect()
}

async fn get(call: Call<OrgWide>) -> ApiResult<Answer> {
    let settings = call.shared.store.org_settings(call.access.org).await?;
    Answer::ok(&SettingsOut::from(&settings))
}

async fn patch(call: Call<OrgWide>) -> ApiResult<Answer> {
    let change = call.json::<SettingsPatch>()?.checked()?;
    let org = call.access.org;
    let store = &call.shared.store;
    let settings = store
        .change_org_settings(org, |settings| change.apply(settings))
        .await?;
    // This node's next publish must not be faster than the news.
    call.shared.cache.forget_org(org);
    Answer::ok(&SettingsOut::from(&settings))
}
