//! Publishing many messages in one request.

use std::fmt::Write as _;
use std::sync::Arc;

use http::{Method, StatusCode};
use postrider_delivery::{PublishError, Published};
use postrider_store::{AppConfig, OrgConfig, PublishKey};
use serde_json::json;
use serde_json::value::RawValue;

use super::message::WITH_CONTENT;
use super::publish::{STALE_TRIES, refused, request, write_out};
use crate::access::OrgWide;
use crate::answer::Answer;
use crate::call::Call;
use crate::error::{ApiError, ApiResult, Code};
use crate::operation::Operation;
use crate::request::body;
use crate::wire::batch::{BatchIn, BatchOut, MAX_MESSAGES};
use crate::wire::message_in::{Checked, MessageIn};

/// The most bytes of a batch.
const BODY_LIMIT: usize = 16 * 1024 * 1024;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/api/v1/app/{app_id}/msg/batch", "v1.message.create-batch", batch)
            .says("Publish many messages", "Publishes 1 to 1,000 messages of one application, in order, in as few commits as possible. Each has an entry in the answer, in order, that says what publishing it alone would have said; a bad one does not stop the others. An `idempotency-key` counts for each message with its place in the list: repeated with the same body, the request stores what was not stored and answers the rest as it did. When nothing at all could be taken for the moment, the whole request is answered 429 or 503.")
            .query(&[&WITH_CONTENT])
            .takes::<BatchIn<'_>>(json!({"messages": [
                {"eventType": "invoice.paid", "payload": {"invoice": "in_1"}},
                {"eventType": "invoice.paid", "payload": {"invoice": "in_2"}}
            ]}))
            .answers::<BatchOut>(202, "What became of each")
            .fails(&[Code::RateLimited])
            .tag("Message")
            .keeps_keys()
            .takes_large(BODY_LIMIT),
    ]
}

/// A message of the batch on its way.
struct Entry {
    message: Checked,
    key: Option<PublishKey>,
}

type Outcome = Result<Published, ApiError>;

async fn batch(call: Call<OrgWide>) -> ApiResult<Answer> {
    let with_content = call.query.get(&WITH_CONTENT)?;
    let batch: BatchIn<'_> = body::parse(&call.body)?;
    if batch.messages.0.is_empty() {
        let msg = format!("an empty list: give 1 to {MAX_MESSAGES} messages");
        return Err(ApiError::invalid_field("messages", msg));
    }
    let checked = async {
        let (cache, org) = (&call.shared.cache, call.access.org);
        let app = cache.app(org, call.segment("app_id")?).await?;
        let org = cache.org(org).await?;
        let mut entries = Vec::with_capacity(batch.messages.0.len());
        for (at, raw) in batch.messages.0.into_iter().enumerate() {
            entries.push(check(&call, &org, &app, at, raw).await);
        }
        Ok((org, app, entries))
    };
    let (org, app, entries) = call.in_time(checked).await?;
    let outcomes = store(&call, &org, app, &entries).await?;
    if let Some(Err(busy)) = outcomes.first()
        && outcomes
            .iter()
            .all(|outcome| outcome.as_ref().is_err_and(ApiError::is_for_now))
    {
        return Err(busy.clone());
    }
    Ok(answer(&entries, &outcomes, with_content))
}

async fn check(
    call: &Call<OrgWide>,
    org: &OrgConfig,
    app: &AppConfig,
    at: usize,
    raw: &RawValue,
) -> Result<Entry, ApiError> {
    let shared = &call.shared;
    let message: MessageIn<'_> = body::parse(raw.get().as_bytes())?;
    let message = message.checked(&call.body)?;
    if message.application.is_some() {
        return Err(ApiError::invalid_field(
            "application",
            "not in a batch: create the application first",
        ));
    }
    shared
        .gate
        .check(
            &shared.cache,
            org,
            &message.event.event_type,
            &message.document,
        )
        .await?;
    let now = shared.store.clock().now();
    shared.gate.take(org, now)?;
    let key = call
        .idempotency
        .as_ref()
        .map(|header| header.of_place((call.access.org, app.id), at, raw.get().as_bytes(), now));
    Ok(Entry { message, key })
}

/// Stores what has passed, planning again what was planned on an older application.
async fn store(
    call: &Call<OrgWide>,
    org: &OrgConfig,
    mut app: Arc<AppConfig>,
    entries: &[Result<Entry, ApiError>],
) -> ApiResult<Vec<Outcome>> {
    let shared = &call.shared;
    let mut outcomes: Vec<Outcome> = entries
        .iter()
        .map(|entry| match entry {
            Ok(_) => Err(refused(PublishError::Stale)),
            Err(error) => Err(error.clone()),
        })
        .collect();
    let mut open: Vec<usize> = (0..entries.len())
        .filter(|&at| entries[at].is_ok())
        .collect();
    for _ in 0..=STALE_TRIES {
        let requests = open.iter().filter_map(|&at| {
            let entry = entries[at].as_ref().ok()?;
            Some(request(shared, org, &app, &entry.message, entry.key))
        });
        let results = shared
            .ingest
            .publish_all(requests.collect(), call.deadline)
            .await;
        let mut stale = Vec::new();
        for (at, result) in open.into_iter().zip(results) {
            if result == Err(PublishError::Stale) {
                stale.push(at);
            }
            outcomes[at] = result.map_err(refused);
        }
        open = stale;
        if open.is_empty() {
            break;
        }
        shared.cache.forget_app(app.id);
        app = shared.cache.app_at_least(app.id, 0).await?;
    }
    Ok(outcomes)
}

fn answer(entries: &[Result<Entry, ApiError>], outcomes: &[Outcome], with_content: bool) -> Answer {
    let payloads = entries.iter().flatten().filter(|_| with_content);
    let size: usize = payloads
        .map(|entry| entry.message.event.payload.len())
        .sum();
    let mut body = String::with_capacity(size + entries.len() * 320 + 16);
    body.push_str("{\"data\":[");
    for (at, (entry, outcome)) in entries.iter().zip(outcomes).enumerate() {
        if at > 0 {
            body.push(',');
        }
        match (entry, outcome) {
            (Ok(entry), Ok(published)) => {
                body.push_str("{\"status\":202,\"message\":");
                write_out(&mut body, published, &entry.message, with_content);
            }
            (_, Err(error)) | (Err(error), Ok(_)) => {
                let _ = write!(
                    body,
                    "{{\"status\":{},\"error\":{}",
                    error.status().as_u16(),
                    error.json()
                );
            }
        }
        body.push('}');
    }
    body.push_str("]}");
    Answer::raw(StatusCode::ACCEPTED, body.into())
}
