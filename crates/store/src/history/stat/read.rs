//! Reading statistics.

use std::collections::HashMap;

use postrider_domain::{EndpointId, Timestamp};
use uuid::Uuid;

use super::{Bucket, Counts, Row, StatScope, StatWindow};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::sql::Sql;

/// The widths that a series is made of: days, of the hours that have not become days yet
/// and of those that have.
fn widths(bucket: Bucket) -> &'static [Bucket] {
    match bucket {
        Bucket::Minute => &[Bucket::Minute],
        Bucket::Hour => &[Bucket::Hour],
        Bucket::Day => &[Bucket::Hour, Bucket::Day],
    }
}

fn select(sql: &mut Sql, scopes: &[Uuid], event_type: &str, width: Bucket, window: StatWindow) {
    sql.push("select scope, start, messages, succeeded, failed, latency from stat where width = ")
        .bind(width.code())
        .push(" and event_type = ")
        .bind(event_type)
        .push(" and start >= ")
        .bind(window.since.micros())
        .push(" and start < ")
        .bind(window.until.micros())
        .and_ids("scope", scopes);
}

fn of(scopes: &[Uuid], event_type: &str, bucket: Bucket, window: StatWindow) -> Sql {
    let mut sql = Sql::new("");
    for (index, width) in widths(bucket).iter().enumerate() {
        if index > 0 {
            sql.push(" union all ");
        }
        select(&mut sql, scopes, event_type, *width, window);
    }
    sql
}

/// The statement of [`Store::stat_series`].
pub(crate) fn series(
    scope: StatScope,
    event_type: Option<&str>,
    bucket: Bucket,
    window: StatWindow,
) -> Sql {
    of(&[scope.uuid()], event_type.unwrap_or(""), bucket, window)
}

/// The statement of [`Store::endpoint_series`].
pub(crate) fn endpoints(endpoints: &[EndpointId], bucket: Bucket, window: StatWindow) -> Sql {
    let scopes: Vec<Uuid> = endpoints.iter().map(|id| id.uuid()).collect();
    of(&scopes, "", bucket, window)
}

#[derive(sqlx::FromRow)]
struct Read {
    scope: Uuid,
    start: i64,
    #[sqlx(flatten)]
    row: Row,
}

type Series = Vec<(Timestamp, Counts)>;

/// Rows by scope and span, each scope's in order.
fn gathered(rows: Vec<Read>, bucket: Bucket) -> StoreResult<HashMap<Uuid, Series>> {
    let mut spans = HashMap::<Uuid, std::collections::BTreeMap<Timestamp, Counts>>::new();
    for read in rows {
        let start = bucket.start(Timestamp::from_micros(read.start));
        let counts = read.row.counts(read.scope)?;
        let of = spans.entry(read.scope).or_default();
        of.entry(start).or_default().merge(&counts);
    }
    Ok(spans
        .into_iter()
        .map(|(scope, spans)| (scope, spans.into_iter().collect()))
        .collect())
}

impl Store {
    /// What was counted in each span of the window, oldest first; spans in which nothing
    /// was are left out.
    pub async fn stat_series(
        &self,
        scope: StatScope,
        event_type: Option<&str>,
        bucket: Bucket,
        window: StatWindow,
    ) -> StoreResult<Vec<(Timestamp, Counts)>> {
        let sql = series(scope, event_type, bucket, window);
        let rows = self.read("reading statistics").all(sql).await?;
        let mut all = gathered(rows, bucket)?;
        Ok(all.remove(&scope.uuid()).unwrap_or_default())
    }

    /// The same for each of these endpoints, over all event types.
    pub async fn endpoint_series(
        &self,
        endpoints: &[EndpointId],
        bucket: Bucket,
        window: StatWindow,
    ) -> StoreResult<HashMap<EndpointId, Vec<(Timestamp, Counts)>>> {
        if endpoints.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = self::endpoints(endpoints, bucket, window);
        let rows = self.read("reading statistics").all(sql).await?;
        let all = gathered(rows, bucket)?.into_iter();
        Ok(all
            .map(|(scope, series)| (EndpointId::from_uuid(scope), series))
            .collect())
    }
}
