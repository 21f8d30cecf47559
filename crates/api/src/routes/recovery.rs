//! Sending again what an endpoint has missed, as background tasks.

use http::{Method, StatusCode};
use postrider_domain::{Capability, Timestamp};
use postrider_store::{NewTask, Replayed, Window, Work};
use serde_json::json;

use super::endpoint::named;
use crate::access::OfApp;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::param::Param;
use crate::wire::background_task::TaskBegunOut;
use crate::wire::recovery::{BulkReplayIn, RECOVERY, REPLAY, RecoverIn, RecoverPreviewOut, span};

const SINCE: Param<Option<Timestamp>> =
    Param::time("since", "From when on: 14 days before `until` if absent");
const UNTIL: Param<Option<Timestamp>> = Param::time(
    "until",
    "Until when, at most 14 days after `since`: now if absent",
);

const KIND: Param<Option<&'static str>> = Param::word(
    "kind",
    &["recover", "replay-missing", "bulk-replay"],
    "What would be begun: `recover` if absent. The two replays may look back 90 days",
);

const FAILS: &[Code] = &[Code::EndpointDisabled, Code::RateLimited];

pub(super) fn operations() -> Vec<Operation> {
    let example = || json!({"since": "2026-01-31T12:00:00Z", "until": "2026-01-31T18:00:00Z"});
    vec![
        Operation::new(Method::POST, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover", "v1.endpoint.recover", recover)
            .says("Recover failed messages", "Sends the messages of a window of at most 14 days again that have failed for good, were canceled, or were published while the endpoint was disabled, in a background task. Each begins its schedule anew. What is still being tried stays as it is, and what has lost its payload is counted as `unrecoverable`.")
            .takes::<RecoverIn>(example())
            .answers::<TaskBegunOut>(202, "The task has begun")
            .fails(FAILS),
        Operation::new(Method::GET, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/recover/preview", "v1.endpoint.recover-preview", preview)
            .says("Count what would be sent again", "How many messages of a window a recovery would send again, or a replay of what is missing or of everything. At most 50,000 deliveries or messages are looked through.")
            .query(&[&SINCE, &UNTIL, &KIND])
            .answers::<RecoverPreviewOut>(200, "The counts"),
        Operation::new(Method::POST, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/replay-missing", "v1.endpoint.replay-missing", replay_missing)
            .says("Replay missing messages", "Sends the messages of a window of at most 90 days that the endpoint wants and was never tried with, such as those published before it was made, in a background task.")
            .takes::<RecoverIn>(example())
            .answers::<TaskBegunOut>(202, "The task has begun")
            .fails(FAILS),
        Operation::new(Method::POST, "/api/v1/app/{app_id}/endpoint/{endpoint_id}/bulk-replay", "v1.endpoint.bulk-replay", bulk_replay)
            .says("Replay messages", "Sends the messages of a window of at most 90 days to the endpoint again, also those that it has taken, in a background task. Each begins its schedule anew; what waits for a retry is tried at once.")
            .takes::<BulkReplayIn>(json!({"since": "2026-01-31T12:00:00Z", "eventTypes": ["invoice.paid"]}))
            .answers::<TaskBegunOut>(202, "The task has begun")
            .fails(FAILS),
    ]
    .into_iter()
    .map(|operation| {
        if operation.method.is_safe() {
            operation
        } else {
            operation.asks(Capability::CreateAttempts)
        }
    })
    .map(|operation| operation.tag("Endpoint"))
    .collect()
}

async fn recover(call: Call<OfApp>) -> ApiResult<Answer> {
    let window = call
        .json::<RecoverIn>()?
        .window(call.shared.store.clock().now(), RECOVERY)?;
    begin(&call, window, Replayed::Failed).await
}

async fn replay_missing(call: Call<OfApp>) -> ApiResult<Answer> {
    let window = call
        .json::<RecoverIn>()?
        .window(call.shared.store.clock().now(), REPLAY)?;
    begin(&call, window, Replayed::Missing).await
}

async fn bulk_replay(call: Call<OfApp>) -> ApiResult<Answer> {
    let (window, which) = call
        .json::<BulkReplayIn>()?
        .checked(call.shared.store.clock().now())?;
    begin(&call, window, which).await
}

async fn begin(call: &Call<OfApp>, window: Window, which: Replayed) -> ApiResult<Answer> {
    let endpoint = named(call).await?.id;
    let new = NewTask {
        org_id: call.access.org,
        app_id: Some(call.access.app.id),
        work: Work::Replay {
            endpoint,
            window,
            which,
        },
    };
    let task = call.shared.store.create_task(new).await?;
    Answer::json(StatusCode::ACCEPTED, &TaskBegunOut::from(&task))
}

async fn preview(call: Call<OfApp>) -> ApiResult<Answer> {
    let store = &call.shared.store;
    let now = store.clock().now();
    let (since, until) = (call.query.get(&SINCE)?, call.query.get(&UNTIL)?);
    let from = until.unwrap_or(now).min(now);
    let since = since.unwrap_or_else(|| from.minus(RECOVERY));
    let (which, longest) = match call.query.get(&KIND)? {
        Some("replay-missing") => (Replayed::Missing, REPLAY),
        Some("bulk-replay") => (Replayed::everything(), REPLAY),
        _ => (Replayed::Failed, RECOVERY),
    };
    let longest = longest + std::time::Duration::from_millis(1);
    let window = span("query", since, until, now, longest)?;
    let endpoint = named(&call).await?.id;
    let preview = store
        .preview_replay(call.access.app.id, endpoint, window, &which)
        .await
        .map_err(ApiError::from)?;
    Answer::ok(&RecoverPreviewOut::from(preview))
}
