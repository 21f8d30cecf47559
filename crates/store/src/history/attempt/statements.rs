//! The statements that read attempts and where deliveries stand.

use postrider_domain::{
    AppId, AttemptId, AttemptStatus, DeliveryState, EndpointId, MessageId, Timestamp,
};
use uuid::Uuid;

use super::{AttemptFilter, DeliveryFilter};
use crate::engine::page::PageRequest;
use crate::engine::sql::Sql;
use crate::history::message;
use crate::stored::endpoint;

/// Begins every statement that reads attempts; the join with the message keeps
/// applications apart. Its join order suits SQLite, which reads left to right.
fn of(app: AppId) -> Sql {
    let mut sql = Sql::new(
        "select a.id, a.message_id, a.endpoint_id, r.url, a.status, a.http_status, a.failure, a.failure_text, \
    a.trigger, a.number, a.started_at, a.duration_us, a.signature, r.header_family, r.header_names, a.response_headers, \
    a.response_body, a.next_at, a.next_reason, r.signature_scheme, m.event_type, m.content_type \
    from attempt a cross join message m cross join endpoint_revision r \
    where m.id = a.message_id and r.endpoint_id = a.endpoint_id and r.revision = a.endpoint_revision and m.app_id = ",
    );
    sql.bind(app.uuid());
    sql
}

/// The statement of one attempt.
pub(crate) fn one(app: AppId, message: MessageId, attempt: AttemptId) -> Sql {
    let mut sql = of(app);
    sql.push(" and a.message_id = ")
        .bind(message.uuid())
        .push(" and a.id = ")
        .bind(attempt.uuid());
    sql
}

/// The statement of a list of attempts; of those that have this value in this column.
pub(crate) fn list(
    app: AppId,
    (column, value): (&str, Uuid),
    filter: &AttemptFilter,
    page: &PageRequest<AttemptId>,
) -> Sql {
    let mut sql = of(app);
    sql.push(" and ").push(column).push(" = ").bind(value);
    if let Some(endpoint) = filter.endpoint {
        sql.push(" and a.endpoint_id = ").bind(endpoint.uuid());
    }
    if let Some(status) = filter.status {
        sql.push(" and a.status = ").bind(i64::from(status.code()));
    }
    if let Some(class) = filter.status_class {
        sql.push(" and a.http_status >= ")
            .bind(i64::from(class))
            .push(" and a.http_status < ")
            .bind(i64::from(class) + 100);
    }
    message::time_filter(&mut sql, "a.id", (filter.after, filter.before), |time| {
        AttemptId::floor(time).uuid()
    });
    message::content_filter(
        &mut sql,
        &filter.event_types,
        filter.channel.as_deref(),
        filter.tag.as_deref(),
    );
    sql.page("a.id", page, |id: AttemptId| id.uuid().into());
    sql
}

/// The condition on a delivery that [`super::status_of`] calls `status`.
fn status_condition(status: AttemptStatus) -> String {
    let wanted: &[DeliveryState] = match status {
        AttemptStatus::Success => &[DeliveryState::Succeeded],
        AttemptStatus::Pending | AttemptStatus::Sending => &[DeliveryState::Pending],
        AttemptStatus::Fail => &[DeliveryState::Exhausted],
        AttemptStatus::Canceled => &[DeliveryState::Cancelled, DeliveryState::Skipped],
    };
    let codes: Vec<String> = wanted
        .iter()
        .map(|state| state.code().to_string())
        .collect();
    let attempts = match status {
        AttemptStatus::Pending => " and d.attempts = 0",
        AttemptStatus::Sending => " and d.attempts > 0",
        _ => "",
    };
    format!(" and d.state in ({}){attempts}", codes.join(", "))
}

/// The statement of [`crate::engine::Store::endpoint_messages`].
pub(crate) fn list_messages(
    app: AppId,
    endpoint: EndpointId,
    filter: &DeliveryFilter,
    page: &PageRequest<MessageId>,
) -> Sql {
    let of = &filter.message;
    let mut sql = Sql::new("select ");
    sql.push(message::columns(of.with_payload))
        .push(", d.state, d.attempts, d.due_at from delivery d cross join message m")
        .push(message::payload_join(of.with_payload))
        .push(" where d.endpoint_id = ")
        .bind(endpoint.uuid())
        .push(" and m.id = d.message_id and m.app_id = ")
        .bind(app.uuid());
    if let Some(status) = filter.status {
        sql.push(&status_condition(status));
    }
    // On both sides of the join: PostgreSQL leaves partitions out by the message's.
    for id in ["d.message_id", "m.id"] {
        message::time_filter(&mut sql, id, (of.after, of.before), |time| {
            MessageId::floor(time).uuid()
        });
    }
    sql.cursor("m.id", page, |id: MessageId| id.uuid().into());
    message::content_filter(
        &mut sql,
        &of.event_types,
        of.channel.as_deref(),
        of.tag.as_deref(),
    );
    sql.page("d.message_id", page, |id: MessageId| id.uuid().into());
    sql
}

/// The statement of [`crate::engine::Store::message_endpoints`]: deliveries lie by endpoint, so it
/// asks each of the application's endpoints for the message.
pub(crate) fn list_endpoints(
    app: AppId,
    message: MessageId,
    page: &PageRequest<EndpointId>,
) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(endpoint::COLUMNS)
        .push(", d.state, d.attempts, d.due_at, d.last_status from endpoint e cross join delivery d where e.app_id = ")
        .bind(app.uuid())
        .push(" and d.endpoint_id = e.id and d.message_id = ")
        .bind(message.uuid())
        .page("e.id", page, |id: EndpointId| id.uuid().into());
    sql
}

/// The statement of [`crate::engine::Store::endpoint_stats`].
pub(crate) fn count(endpoint: EndpointId, since: Timestamp, until: Timestamp) -> Sql {
    let mut sql =
        Sql::new("select status, count(*) as attempts from attempt a where a.endpoint_id = ");
    sql.bind(endpoint.uuid());
    message::time_filter(&mut sql, "a.id", (Some(since), Some(until)), |time| {
        AttemptId::floor(time).uuid()
    });
    sql.push(" group by status");
    sql
}
