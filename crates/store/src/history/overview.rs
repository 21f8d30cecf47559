//! How an organisation's deliveries are doing now.

use postrider_domain::{AppId, EndpointId, NodeId, OrgId, Timestamp};
use uuid::Uuid;

use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::page::{Page, PageRequest};
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Waiting deliveries that are counted, at most.
const BACKLOG: i64 = 10_000;
/// Failing endpoints that are read, at most.
const FAILING: i64 = 1_000;

/// How an organisation's deliveries are doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Deliveries that wait, at least so many.
    pub backlog: u64,
    /// Whether more wait than were counted.
    pub backlog_is_capped: bool,
    /// When the delivery was due that has waited longest.
    pub oldest_due: Option<Timestamp>,
    /// Endpoints that have failed without a break, the longest first.
    pub failing: Vec<FailingEndpoint>,
    pub applications: u64,
    pub endpoints: u64,
    /// Those of the endpoints to which nothing is sent.
    pub disabled: u64,
}

/// An endpoint that has failed without a break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailingEndpoint {
    pub app_id: AppId,
    pub endpoint_id: EndpointId,
    /// Where it is.
    pub url: String,
    /// When the first of the failures was.
    pub failing_since: Timestamp,
    /// When the last one was.
    pub last_failure_at: Timestamp,
}

/// An endpoint as a list of many shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitoredEndpoint {
    pub id: EndpointId,
    pub app_id: AppId,
    /// Where it is.
    pub url: String,
    /// Whether nothing is sent to it.
    pub disabled: bool,
    /// Since when it has failed without a break.
    pub failing_since: Option<Timestamp>,
}

/// A node as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRow {
    /// Its id, new at every start.
    pub id: NodeId,
    /// What it does.
    pub role: String,
    /// When it started.
    pub started_at: Timestamp,
    /// When it was last heard of.
    pub heartbeat_at: Timestamp,
    /// When its lease ends.
    pub lease_until: Timestamp,
}

/// The organisation's endpoints; what follows the join stands between the two.
fn of_org(select: &'static str, org: OrgId, join: &str) -> Sql {
    let mut sql = Sql::new(select);
    sql.push(" from app a cross join endpoint e").push(join);
    sql.push(" where a.org_id = ")
        .bind(org.uuid())
        .push(" and a.deleted_at is null and e.app_id = a.id and e.deleted_at is null");
    sql
}

/// Counts the organisation's applications.
pub(crate) fn applications(org: OrgId) -> Sql {
    let mut sql = Sql::new(
        "select count(*), cast(0 as bigint) from app where deleted_at is null and org_id = ",
    );
    sql.bind(org.uuid());
    sql
}

/// Counts the organisation's endpoints, and those to which nothing is sent.
pub(crate) fn endpoints(org: OrgId) -> Sql {
    of_org(
        "select count(*), count(case when e.disabled then 1 end)",
        org,
        "",
    )
}

/// Counts what waits, up to a bound, and finds the oldest.
pub(crate) fn backlog(org: OrgId) -> Sql {
    let mut sql = of_org(
        "select count(*), cast(0 as bigint) from (select 1",
        org,
        " cross join lane l cross join delivery d",
    );
    sql.push(" and l.endpoint_id = e.id and d.endpoint_id = e.id and d.due_at is not null limit ")
        .bind(BACKLOG + 1)
        .push(") as w");
    sql
}

/// Finds what has been due longest, in lanes that do not rest.
pub(crate) fn oldest_due(org: OrgId, now: Timestamp) -> Sql {
    let mut sql = of_org(
        "select min(l.next_due), cast(0 as bigint)",
        org,
        " cross join lane l",
    );
    sql.push(" and l.endpoint_id = e.id and l.next_due <= ")
        .bind(now.micros());
    sql
}

/// Finds endpoints that have failed without a break.
pub(crate) fn failing(org: OrgId) -> Sql {
    let mut sql = of_org(
        "select a.id as app_id, e.id, e.url, h.first_failure_at, h.last_failure_at",
        org,
        " cross join endpoint_health h",
    );
    sql.push(" and h.endpoint_id = e.id and not e.disabled limit ")
        .bind(FAILING);
    sql
}

/// Which endpoints are asked for; all of the organisation's if it says nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct MonitorFilter {
    /// Only this application's.
    pub app: Option<AppId>,
    /// Only this one.
    pub endpoint: Option<EndpointId>,
    /// Only those that have failed without a break.
    pub failing: bool,
}

/// The statement of [`Store::monitored_endpoints`].
pub(crate) fn monitored(org: OrgId, filter: &MonitorFilter, page: &PageRequest<EndpointId>) -> Sql {
    let MonitorFilter {
        app,
        endpoint,
        failing,
    } = *filter;
    let mut sql =
        Sql::new("select e.id, e.app_id, e.url, e.disabled, h.first_failure_at from endpoint e ");
    sql.push(if failing {
        "join endpoint_health h on h.endpoint_id = e.id "
    } else {
        "left join endpoint_health h on h.endpoint_id = e.id "
    });
    let id = |id: EndpointId| id.uuid().into();
    let Some(app) = app else {
        // The page is made of ids alone, and of none but the organisation's: it costs what
        // that has, and not what all others have.
        sql.push("where e.id in (select e.id from app a cross join endpoint e ");
        if failing {
            sql.push("join endpoint_health h on h.endpoint_id = e.id ");
        }
        sql.push("where a.org_id = ")
            .bind(org.uuid())
            .push(" and a.deleted_at is null and e.app_id = a.id and e.deleted_at is null");
        if let Some(endpoint) = endpoint {
            sql.push(" and e.id = ").bind(endpoint.uuid());
        }
        sql.page("e.id", page, id).push(")").order("e.id", page);
        return sql;
    };
    sql.push("where e.app_id = ")
        .bind(app.uuid())
        .push(" and e.deleted_at is null");
    if let Some(endpoint) = endpoint {
        sql.push(" and e.id = ").bind(endpoint.uuid());
    }
    sql.page("e.id", page, id);
    sql
}

#[derive(sqlx::FromRow)]
struct FailingRow {
    app_id: Uuid,
    id: Uuid,
    url: String,
    first_failure_at: i64,
    last_failure_at: i64,
}

#[derive(sqlx::FromRow)]
struct MonitoredRow {
    id: Uuid,
    app_id: Uuid,
    url: String,
    disabled: bool,
    first_failure_at: Option<i64>,
}

const NODES: &str =
    "select id, role, started_at, heartbeat_at, lease_until from node order by number";

impl Store {
    /// How the organisation's deliveries are doing now.
    pub async fn overview(&self, org: OrgId) -> StoreResult<Overview> {
        let now = self.clock.now();
        let backlog = self.counted(backlog(org)).await?.0;
        let (endpoints, disabled) = self.counted(endpoints(org)).await?;
        let oldest: Vec<(Option<i64>, i64)> = self
            .read("looking for what is due")
            .all(oldest_due(org, now))
            .await?;
        let oldest = oldest.first().and_then(|row| row.0);
        let rows: Vec<FailingRow> = self.read("reading endpoints").all(failing(org)).await?;
        let mut failing: Vec<FailingEndpoint> =
            rows.into_iter().map(FailingEndpoint::from).collect();
        failing.sort_by_key(|one| one.failing_since);
        Ok(Overview {
            backlog: backlog.min(BACKLOG.unsigned_abs()),
            backlog_is_capped: backlog > BACKLOG.unsigned_abs(),
            oldest_due: oldest.map(Timestamp::from_micros),
            failing,
            applications: self.counted(applications(org)).await?.0,
            endpoints,
            disabled,
        })
    }

    async fn counted(&self, sql: Sql) -> StoreResult<(u64, u64)> {
        let rows: Vec<(i64, i64)> = self.read("counting").all(sql).await?;
        let row = rows.first().copied().unwrap_or_default();
        Ok((row.0.unsigned_abs(), row.1.unsigned_abs()))
    }

    /// A page of those of the organisation's endpoints that are asked for, by id.
    pub async fn monitored_endpoints(
        &self,
        org: OrgId,
        filter: MonitorFilter,
        page: PageRequest<EndpointId>,
    ) -> StoreResult<Page<MonitoredEndpoint>> {
        let sql = monitored(org, &filter, &page);
        let rows: Vec<MonitoredRow> = self.read("listing endpoints").all(sql).await?;
        page.finish(rows.into_iter().map(MonitoredEndpoint::from).collect())
    }

    /// The nodes of the installation, oldest first.
    pub async fn nodes(&self) -> StoreResult<Vec<NodeRow>> {
        let rows: Vec<(Uuid, String, i64, i64, i64)> =
            self.read("reading nodes").all(Sql::new(NODES)).await?;
        let rows = rows
            .into_iter()
            .map(|(id, role, started, heartbeat, lease)| NodeRow {
                id: NodeId::from_uuid(id),
                role,
                started_at: Timestamp::from_micros(started),
                heartbeat_at: Timestamp::from_micros(heartbeat),
                lease_until: Timestamp::from_micros(lease),
            });
        Ok(rows.collect())
    }
}

impl From<FailingRow> for FailingEndpoint {
    fn from(row: FailingRow) -> Self {
        Self {
            app_id: AppId::from_uuid(row.app_id),
            endpoint_id: EndpointId::from_uuid(row.id),
            url: row.url,
            failing_since: Timestamp::from_micros(row.first_failure_at),
            last_failure_at: Timestamp::from_micros(row.last_failure_at),
        }
    }
}

impl From<MonitoredRow> for MonitoredEndpoint {
    fn from(row: MonitoredRow) -> Self {
        Self {
            id: EndpointId::from_uuid(row.id),
            app_id: AppId::from_uuid(row.app_id),
            url: row.url,
            disabled: row.disabled,
            failing_since: row.first_failure_at.map(Timestamp::from_micros),
        }
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[NODES],
    ..Statements::NONE
};
