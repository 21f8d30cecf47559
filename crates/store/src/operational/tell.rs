//! Writing operational events, in the transaction of what they tell of.

use postrider_domain::{AppId, DisabledReason, EndpointId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Endpoint, NewAttempt, Outcome};

/// Bind the application: the hidden one that hears of it and its own uid, if anybody
/// listens.
pub(crate) const LISTENER: &str = "select o.app_id, a.uid from app a join operational_app o on o.org_id = a.org_id \
    where a.id = $1 and exists (select 1 from endpoint e where e.app_id = o.app_id and e.deleted_at is null)";
/// Bind id, hidden application, type, payload and now.
pub(crate) const INSERT: &str = "insert into operational_event (id, app_id, event_type, payload, created_at) \
    values ($1, $2, $3, $4, $5)";
/// Bind endpoint and message.
pub(crate) const TOLD: &str =
    "insert into operational_told (endpoint_id, message_id) values ($1, $2) on conflict do nothing";
/// Bind endpoint and message.
pub(crate) const MENDED: &str =
    "delete from operational_told where endpoint_id = $1 and message_id = $2";

/// What an organisation hears of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryEvent {
    /// It has failed several times and goes on.
    Failing,
    /// It has failed for the last time.
    Exhausted,
    /// It has succeeded, after one of the others was told.
    Recovered,
}

impl DeliveryEvent {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Failing => "message.attempt.failing",
            Self::Exhausted => "message.attempt.exhausted",
            Self::Recovered => "message.attempt.recovered",
        }
    }
}

/// What an organisation hears of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndpointEvent {
    Created,
    Updated,
    Deleted,
    Disabled {
        /// Why; what a person did is not automatic.
        reason: DisabledReason,
        /// The first of an unbroken run of failures.
        failing_since: Option<Timestamp>,
    },
}

impl EndpointEvent {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Created => "endpoint.created",
            Self::Updated => "endpoint.updated",
            Self::Deleted => "endpoint.deleted",
            Self::Disabled { .. } => "endpoint.disabled",
        }
    }
}

/// The body of an event.
fn body(event_type: &str, at: Timestamp, data: &Value) -> String {
    json!({ "type": event_type, "timestamp": at.to_string(), "data": data }).to_string()
}

/// The body of an event about an endpoint.
pub(crate) fn of_endpoint(
    event: EndpointEvent,
    app_uid: Option<&str>,
    endpoint: &Endpoint,
    at: Timestamp,
) -> String {
    let uid = endpoint.uid.as_deref();
    of_endpoint_id(event, (endpoint.app_id, app_uid), (endpoint.id, uid), at)
}

/// The body of an event about the endpoint of this id and uid.
pub(crate) fn of_endpoint_id(
    event: EndpointEvent,
    (app, app_uid): (AppId, Option<&str>),
    (endpoint, uid): (EndpointId, Option<&str>),
    at: Timestamp,
) -> String {
    let mut data = json!({
        "appId": app.to_string(),
        "appUid": app_uid,
        "endpointId": endpoint.to_string(),
        "endpointUid": uid,
    });
    if let EndpointEvent::Disabled {
        reason,
        failing_since,
    } = event
    {
        let by_hand = matches!(reason, DisabledReason::Manual);
        data["trigger"] = if by_hand { "manual" } else { "automatic" }.into();
        data["failSince"] = failing_since.map(|at| at.to_string()).into();
    }
    body(event.name(), at, &data)
}

/// The body of an event about a delivery.
pub(crate) fn of_delivery(
    event: DeliveryEvent,
    app_uid: Option<&str>,
    event_id: Option<&str>,
    outcome: &Outcome,
    attempt: &NewAttempt,
) -> String {
    let data = json!({
        "appId": outcome.app_id.to_string(),
        "appUid": app_uid,
        "endpointId": outcome.endpoint_id.to_string(),
        "msgId": outcome.message_id.to_string(),
        "msgEventId": event_id,
        "lastAttempt": {
            "id": attempt.id.to_string(),
            "responseStatusCode": attempt.http_status,
            "timestamp": attempt.started_at.to_string(),
        },
    });
    body(event.name(), outcome.finished_at, &data)
}

/// Who listens.
pub(crate) struct Listener {
    pub(crate) app: Uuid,
    pub(crate) app_uid: Option<String>,
}

impl From<(Uuid, Option<String>)> for Listener {
    fn from((app, app_uid): (Uuid, Option<String>)) -> Self {
        Self { app, app_uid }
    }
}

/// An id for an event: in order, within a process.
pub(crate) fn mint(now: Timestamp) -> Uuid {
    // Of no kind that anybody sees; what counts is the order.
    AppId::mint(now).uuid()
}

/// In a transaction: who hears of what happens to the application, if anybody does.
macro_rules! listener {
    ($conn:expr, $wrong:ident, $app:expr) => {{
        let row: Option<(uuid::Uuid, Option<String>)> =
            sqlx::query_as($crate::operational::tell::LISTENER)
                .bind($app.uuid())
                .fetch_optional(&mut *$conn)
                .await
                .map_err($wrong)?;
        row.map($crate::operational::tell::Listener::from)
    }};
}

/// In a transaction: writes an event for a listener.
macro_rules! write_event {
    ($conn:expr, $wrong:ident, $listener:expr, $name:expr, $body:expr, $now:expr) => {
        sqlx::query($crate::operational::tell::INSERT)
            .bind($crate::operational::tell::mint($now))
            .bind($listener.app)
            .bind($name)
            .bind($body)
            .bind($now.micros())
            .execute(&mut *$conn)
            .await
            .map_err($wrong)?
    };
}

/// In a transaction: tells what happened to an endpoint, if anybody listens.
macro_rules! tell_of_endpoint {
    ($conn:expr, $wrong:ident, $endpoint:expr, $now:expr, $events:expr) => {
        if let Some(listener) = listener!($conn, $wrong, $endpoint.app_id) {
            for event in $events {
                let body = $crate::operational::tell::of_endpoint(
                    event,
                    listener.app_uid.as_deref(),
                    $endpoint,
                    $now,
                );
                write_event!($conn, $wrong, listener, event.name(), body, $now);
            }
        }
    };
}

/// In a transaction that records outcomes: tells what is to be told of them. Those whose
/// delivery was another's by then are `$late` and tell nothing.
macro_rules! tell_of_deliveries {
    ($conn:expr, $outcomes:expr, $late:expr) => {{
        let wrong = $crate::error::wrong("telling of deliveries");
        for outcome in $outcomes.iter().filter(|outcome| outcome.event.is_some()) {
            let (endpoint, message) = (outcome.endpoint_id.uuid(), outcome.message_id.uuid());
            let (Some(event), Some(attempt)) = (outcome.event, &outcome.attempt) else {
                continue;
            };
            if $late.contains(&(endpoint, message)) {
                continue;
            }
            if event == $crate::DeliveryEvent::Recovered {
                let mended = sqlx::query($crate::operational::tell::MENDED)
                    .bind(endpoint)
                    .bind(message)
                    .execute(&mut *$conn)
                    .await
                    .map_err(wrong)?;
                // Nobody was told that it failed.
                if mended.rows_affected() == 0 {
                    continue;
                }
            }
            let Some(listener) = listener!($conn, wrong, outcome.app_id) else {
                continue;
            };
            if event != $crate::DeliveryEvent::Recovered {
                sqlx::query($crate::operational::tell::TOLD)
                    .bind(endpoint)
                    .bind(message)
                    .execute(&mut *$conn)
                    .await
                    .map_err(wrong)?;
            }
            let event_id: Option<Option<String>> =
                sqlx::query_scalar("select event_id from message where app_id = $1 and id = $2")
                    .bind(outcome.app_id.uuid())
                    .bind(message)
                    .fetch_optional(&mut *$conn)
                    .await
                    .map_err(wrong)?;
            let body = $crate::operational::tell::of_delivery(
                event,
                listener.app_uid.as_deref(),
                event_id.flatten().as_deref(),
                outcome,
                attempt,
            );
            write_event!(
                $conn,
                wrong,
                listener,
                event.name(),
                body,
                outcome.finished_at
            );
        }
    }};
}

pub(crate) use {listener, tell_of_deliveries, tell_of_endpoint, write_event};
