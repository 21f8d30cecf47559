//! What organisations hear of deliveries, written in the transaction of their outcomes.

use std::collections::HashSet;

use uuid::Uuid;

use super::{NewAttempt, Outcome};
use crate::engine::error::StoreResult;
use crate::engine::run::{Connection, Tx};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::outbox::DeliveryEvent;
use crate::outbox::emit::{self, Listener, Told};

/// Bind endpoint and message.
const TOLD: &str =
    "insert into operational_told (endpoint_id, message_id) values ($1, $2) on conflict do nothing";
/// Bind endpoint and message.
const MENDED: &str = "delete from operational_told where endpoint_id = $1 and message_id = $2";
const EVENT_ID: &str = "select event_id from message where app_id = $1 and id = $2";

/// In a transaction that records outcomes: emits what is to be heard of them. Those whose
/// delivery was another's by then are `late` and emit nothing.
pub(super) async fn emit_of_deliveries(
    connection: Connection<'_>,
    outcomes: &[Outcome],
    late: &HashSet<(Uuid, Uuid)>,
) -> StoreResult<()> {
    let mut tx = Tx::lent(connection, "telling of deliveries");
    for outcome in outcomes {
        let (Some(event), Some(attempt)) = (outcome.event, &outcome.attempt) else {
            continue;
        };
        if !late.contains(&(outcome.endpoint_id.uuid(), outcome.message_id.uuid())) {
            emit(&mut tx, event, outcome, attempt).await?;
        }
    }
    Ok(())
}

async fn emit(
    tx: &mut Tx<'_>,
    event: DeliveryEvent,
    outcome: &Outcome,
    attempt: &NewAttempt,
) -> StoreResult<()> {
    let is_mended = event == DeliveryEvent::Recovered;
    // Where nobody was told that it failed, nobody hears that it is mended.
    if is_mended && tx.run(of_delivery(MENDED, outcome)).await? == 0 {
        return Ok(());
    }
    let Some(listener) = Listener::of(tx, outcome.app_id).await? else {
        return Ok(());
    };
    if !is_mended {
        tx.run(of_delivery(TOLD, outcome)).await?;
    }
    let event_id = Sql::new(EVENT_ID)
        .with(outcome.app_id.uuid())
        .with(outcome.message_id.uuid());
    let event_id: Option<Option<String>> = tx.optional_scalar(event_id).await?;
    let event_id = event_id.flatten();
    let told = Told {
        app: outcome.app_id,
        app_uid: listener.app_uid.as_deref(),
        endpoint: outcome.endpoint_id,
        message: outcome.message_id,
        event_id: event_id.as_deref(),
        attempt: (attempt.id, attempt.http_status, attempt.started_at),
    };
    let body = emit::of_delivery(event, &told, outcome.finished_at);
    let at = outcome.finished_at;
    listener.hears(tx, event.name(), body, at).await
}

fn of_delivery(text: &'static str, outcome: &Outcome) -> Sql {
    Sql::new(text)
        .with(outcome.endpoint_id.uuid())
        .with(outcome.message_id.uuid())
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[TOLD, MENDED, EVENT_ID],
    ..Statements::NONE
};
