//! Writing operational events, in the transaction of what they tell of.

use postrider_domain::{AppId, AttemptId, DisabledReason, EndpointId, MessageId, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::error::StoreResult;
use crate::engine::run::Tx;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::endpoint::Endpoint;

/// Bind the application: the hidden one that hears of it and its own uid, if anybody
/// listens.
const LISTENER: &str = "select o.app_id, a.uid from app a join operational_app o on o.org_id = a.org_id \
    where a.id = $1 and exists (select 1 from endpoint e where e.app_id = o.app_id and e.deleted_at is null)";
/// Bind id, hidden application, type, payload and now.
const INSERT: &str = "insert into operational_event (id, app_id, event_type, payload, created_at) \
    values ($1, $2, $3, $4, $5)";
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
fn of_endpoint(
    event: EndpointEvent,
    app_uid: Option<&str>,
    endpoint: &Endpoint,
    at: Timestamp,
) -> String {
    let uid = endpoint.settings.uid.as_deref();
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

/// A delivery of which an organisation hears.
pub(crate) struct Told<'a> {
    pub(crate) app: AppId,
    pub(crate) app_uid: Option<&'a str>,
    pub(crate) endpoint: EndpointId,
    pub(crate) message: MessageId,
    pub(crate) event_id: Option<&'a str>,
    /// The last attempt: its id, the status of its answer, and when it began.
    pub(crate) attempt: (AttemptId, u16, Timestamp),
}

/// The body of an event about a delivery.
pub(crate) fn of_delivery(event: DeliveryEvent, told: &Told<'_>, at: Timestamp) -> String {
    let (attempt, http_status, started_at) = told.attempt;
    let data = json!({
        "appId": told.app.to_string(),
        "appUid": told.app_uid,
        "endpointId": told.endpoint.to_string(),
        "msgId": told.message.to_string(),
        "msgEventId": told.event_id,
        "lastAttempt": {
            "id": attempt.to_string(),
            "responseStatusCode": http_status,
            "timestamp": started_at.to_string(),
        },
    });
    body(event.name(), at, &data)
}

/// Who listens.
pub(crate) struct Listener {
    app: Uuid,
    pub(crate) app_uid: Option<String>,
}

impl From<(Uuid, Option<String>)> for Listener {
    fn from((app, app_uid): (Uuid, Option<String>)) -> Self {
        Self { app, app_uid }
    }
}

/// An id for an event: in order, within a process.
fn mint(now: Timestamp) -> Uuid {
    // Of no kind that anybody sees; what counts is the order.
    AppId::mint(now).uuid()
}

impl Listener {
    /// In a transaction: who hears of what happens to the application, if anybody does.
    pub(crate) async fn of(tx: &mut Tx<'_>, app: AppId) -> StoreResult<Option<Self>> {
        let found: Option<(Uuid, Option<String>)> =
            tx.optional(Sql::new(LISTENER).with(app.uuid())).await?;
        Ok(found.map(Self::from))
    }

    /// In a transaction: writes an event that it hears.
    pub(crate) async fn hears(
        &self,
        tx: &mut Tx<'_>,
        event: &'static str,
        body: String,
        now: Timestamp,
    ) -> StoreResult<()> {
        let event = Sql::new(INSERT)
            .with(mint(now))
            .with(self.app)
            .with(event)
            .with(body)
            .with(now.micros());
        tx.run(event).await.map(|_| ())
    }
}

/// In a transaction: emits what happened to an endpoint, if anybody listens.
pub(crate) async fn emit_of_endpoint(
    tx: &mut Tx<'_>,
    endpoint: &Endpoint,
    now: Timestamp,
    events: impl IntoIterator<Item = EndpointEvent> + Send,
) -> StoreResult<()> {
    let Some(listener) = Listener::of(tx, endpoint.app_id).await? else {
        return Ok(());
    };
    let events: Vec<EndpointEvent> = events.into_iter().collect();
    for event in events {
        let body = of_endpoint(event, listener.app_uid.as_deref(), endpoint, now);
        listener.hears(tx, event.name(), body, now).await?;
    }
    Ok(())
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[LISTENER, INSERT],
    ..Statements::NONE
};
