//! Lists of applications, and finding one by a piece of what it is called.

use postrider_domain::{AppId, OrgId};
use uuid::Uuid;

use super::{App, Row};
use crate::engine::Store;
use crate::engine::error::StoreResult;
use crate::engine::page::{Found, PageRequest};
use crate::engine::sql::Sql;

/// Which applications a list shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppFilter {
    /// Only those that have an endpoint.
    pub with_endpoints: bool,
    /// None whose endpoints are all disabled.
    pub not_all_disabled: bool,
    /// None whose endpoints are all Svix Play's, where people look at test messages.
    pub not_all_at_play: bool,
    /// Only the one of this id or, if it is no id, those whose name or uid holds it,
    /// in whatever case.
    pub text: Option<String>,
}

/// Whether the application has an endpoint of which this holds.
fn has_endpoint(condition: &str) -> String {
    format!(
        "exists (select 1 from endpoint e where e.app_id = a.id and e.deleted_at is null{condition})"
    )
}

/// Applications that one look for a text passes, at most: some 30 ms on either engine.
const PASSED: i64 = 100_000;

/// What a name and a uid are found by: letters in lower case, each by itself, since what
/// is looked for is a piece of them.
pub(super) fn folded(name: &str, uid: Option<&str>) -> String {
    fold(&format!("{name} {}", uid.unwrap_or_default()))
}

fn fold(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

/// What the wanted text names.
enum Wanted {
    Id(AppId),
    Piece(String),
}

impl AppFilter {
    fn wanted(&self) -> Option<Wanted> {
        let text = self.text.as_deref()?;
        Some(match text.parse() {
            Ok(id) => Wanted::Id(id),
            Err(_) => Wanted::Piece(fold(text)),
        })
    }
}

/// The last application that a look passes.
pub(crate) fn bound(org: OrgId, page: &PageRequest<AppId>, passed: i64) -> Sql {
    let mut sql = Sql::new("select a.id from app a where a.org_id = ");
    sql.bind(org.uuid())
        .cursor("a.id", page, |id: AppId| id.uuid().into())
        .order("a.id", page)
        .push(" limit 1 offset ")
        .bind(passed - 1);
    sql
}

/// Adds that the text is found. What an older version wrote has nothing folded, or what
/// it was called before; SQLite's `lower` knows the English letters.
fn found(sql: &mut Sql, piece: &str) {
    let plain = "lower(a.name || ' ' || coalesce(a.uid, ''))";
    for (start, place, end) in [(" and (", "a.folded", ""), (" or ", plain, ")")] {
        sql.push(start)
            .push(&format!("replace({place}, "))
            .bind(piece)
            .push(&format!(", '') <> {place}{end}"));
    }
}

/// The statement of [`Store::apps`], up to `bound`.
pub(crate) fn list(
    org: OrgId,
    filter: &AppFilter,
    page: &PageRequest<AppId>,
    bound: Option<AppId>,
) -> Sql {
    let mut sql = Sql::new(
        "select a.id, a.org_id, a.uid, a.name, a.throttle_rate, a.metadata, a.config_version, a.created_at, a.updated_at \
         from app a where a.org_id = ",
    );
    sql.bind(org.uuid()).push(" and a.deleted_at is null");
    if let Some(bound) = bound {
        sql.up_to("a.id", page, bound.uuid());
    }
    match filter.wanted() {
        Some(Wanted::Id(id)) => _ = sql.push(" and a.id = ").bind(id.uuid()),
        Some(Wanted::Piece(piece)) => found(&mut sql, &piece),
        None => {}
    }
    let any = has_endpoint("");
    if filter.with_endpoints {
        sql.push(&format!(" and {any}"));
    }
    // An application without endpoints has none that is disabled, nor one at Svix Play.
    if filter.not_all_disabled {
        let enabled = has_endpoint(" and not e.disabled");
        sql.push(&format!(" and (not {any} or {enabled})"));
    }
    if filter.not_all_at_play {
        let elsewhere = has_endpoint(
            " and e.url not like 'https://play.svix.com/%' and e.url not like 'https://api.play.svix.com/%'",
        );
        sql.push(&format!(" and (not {any} or {elsewhere})"));
    }
    sql.page("a.id", page, |id: AppId| id.uuid().into());
    sql
}

impl Store {
    /// A page of the organisation's applications, by id. A look for a text passes a
    /// bounded number of them: a page may be short, and more follow.
    pub async fn apps(
        &self,
        org: OrgId,
        filter: AppFilter,
        page: PageRequest<AppId>,
    ) -> StoreResult<Found<App, AppId>> {
        let bound = match filter.wanted() {
            Some(Wanted::Piece(_)) => {
                let sql = bound(org, &page, PASSED);
                let rows: Vec<(Uuid,)> = self.read("listing applications").all(sql).await?;
                rows.first().map(|row| AppId::from_uuid(row.0))
            }
            _ => None,
        };
        let sql = list(org, &filter, &page, bound);
        let rows: Vec<Row> = self.read("listing applications").all(sql).await?;
        let apps = rows.into_iter().map(App::try_from);
        page.found(apps.collect::<StoreResult<_>>()?, bound)
    }
}
