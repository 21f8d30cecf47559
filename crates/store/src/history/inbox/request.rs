//! What inboxes have received.

use postrider_domain::{InboxId, InboxRequestId};
use uuid::Uuid;

use super::OpenInbox;
use crate::commit::log;
use crate::commit::log::LoggedRequest;
use crate::engine::Store;
use crate::engine::error::{Entity, StoreError, StoreResult};
use crate::engine::page::{Page, PageRequest};
use crate::engine::row;
use crate::engine::row::corrupt;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;

/// Requests that an inbox keeps, and bytes of their bodies and headers.
const KEPT: i64 = 200;
const KEPT_BYTES: i64 = 16 << 20;
/// Bytes of bodies and headers that a page holds, but for its first request.
const PAGE_BYTES: usize = 4 << 20;

/// What checking a request gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// It is signed as it should be.
    Verified,
    /// It is not, and why.
    Failed(String),
    /// There was nothing to check with.
    NoSecret,
}

/// A request that is received. Its id tells when.
#[derive(Clone, Debug)]
pub struct InboxRequest {
    pub id: InboxRequestId,
    pub method: String,
    /// What followed the inbox's path.
    pub target: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The status that it is answered with.
    pub answer_status: u16,
    /// What checking it gave.
    pub verification: Verification,
}

impl InboxRequest {
    fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers.map(|(name, value)| name.len() + value.len()).sum();
        headers + self.body.len()
    }
}

#[derive(sqlx::FromRow)]
struct RequestRow {
    id: Uuid,
    method: String,
    target: String,
    headers: String,
    body: Vec<u8>,
    answer_status: i16,
    verification: i16,
    reason: Option<String>,
}

impl TryFrom<RequestRow> for InboxRequest {
    type Error = StoreError;

    fn try_from(row: RequestRow) -> StoreResult<Self> {
        let id = InboxRequestId::from_uuid(row.id);
        let headers = row::json("inbox_request", "headers", id, Some(&row.headers))?;
        Ok(Self {
            id,
            method: row.method,
            target: row.target,
            headers: headers.unwrap_or_default(),
            body: row.body,
            answer_status: row.answer_status.unsigned_abs(),
            verification: match row.verification {
                0 => Verification::Verified,
                1 => Verification::Failed(row.reason.unwrap_or_default()),
                2 => Verification::NoSecret,
                _ => return Err(corrupt("inbox_request", "verification", id)),
            },
        })
    }
}

/// The statement of [`Store::inbox_requests`].
pub(crate) fn requests(inbox: InboxId, page: &PageRequest<InboxRequestId>) -> Sql {
    let mut sql = Sql::new(
        "select id, method, target, headers, body, answer_status, verification, reason \
         from inbox_request where inbox_id = ",
    );
    sql.bind(inbox.uuid())
        .page("id", page, |id: InboxRequestId| id.uuid().into());
    sql
}

pub(super) const CLEAR: &str = "delete from inbox_request where inbox_id = $1";
const HOLD: &str = "update inbox set expires_at = expires_at where id = $1";
const INSERT: &str = "insert into inbox_request (inbox_id, id, method, target, headers, body, answer_status, verification, reason) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
const TRIM: &str = "delete from inbox_request where inbox_id = $1 and id in (select id from (select id, \
    count(*) over newer as n, sum(octet_length(body) + octet_length(headers)) over newer as bytes \
    from inbox_request where inbox_id = $1 window newer as (order by id desc)) as kept \
    where n > $2 or (n > 1 and bytes > $3))";

impl Store {
    /// Removes what an inbox has received.
    pub async fn clear_inbox(&self, id: InboxId) -> StoreResult<()> {
        self.write("emptying an inbox")
            .run(Sql::new(CLEAR).with(id.uuid()))
            .await
            .map(|_| ())
    }

    /// Keeps a request, in place of the oldest if there are 200, or 16 MiB of them. An
    /// inbox that is gone is not found.
    pub async fn keep_inbox_request(
        &self,
        inbox: &OpenInbox,
        new: InboxRequest,
    ) -> StoreResult<()> {
        let headers = row::to_json("inbox_request", "headers", new.id, &new.headers)?;
        let (verification, reason) = match &new.verification {
            Verification::Verified => (0_i16, None),
            Verification::Failed(reason) => (1, Some(reason.as_str())),
            Verification::NoSecret => (2, None),
        };
        let told = log::pack_request(&LoggedRequest {
            org_id: inbox.org_id,
            app_id: inbox.app_id,
            inbox_id: inbox.id,
            id: new.id,
        });
        let now = self.clock.now().micros();
        let mut tx = self.begin("keeping a request").await?;
        // Holds the inbox's row: what is kept for one that goes meanwhile would stay.
        let there = tx.run(Sql::new(HOLD).with(inbox.id.uuid())).await?;
        if there == 0 {
            return Err(StoreError::NotFound(Entity::Inbox));
        }
        tx.run(
            Sql::new(INSERT)
                .with(inbox.id.uuid())
                .with(new.id.uuid())
                .with(&new.method)
                .with(&new.target)
                .with(&headers)
                .with(&new.body)
                .with(new.answer_status.cast_signed())
                .with(verification)
                .with(reason),
        )
        .await?;
        tx.run(
            Sql::new(TRIM)
                .with(inbox.id.uuid())
                .with(KEPT)
                .with(KEPT_BYTES),
        )
        .await?;
        tx.run(Sql::new(log::INSERT).with(now).with(&told)).await?;
        tx.commit().await
    }

    /// A page of what an inbox has received, by id, which is by time. It ends early where
    /// the requests are large.
    pub async fn inbox_requests(
        &self,
        inbox: InboxId,
        page: PageRequest<InboxRequestId>,
    ) -> StoreResult<Page<InboxRequest>> {
        let rows: Vec<RequestRow> = self
            .read("listing requests")
            .all(requests(inbox, &page))
            .await?;
        let rows = rows.into_iter().map(InboxRequest::try_from);
        let mut rows = rows.collect::<StoreResult<Vec<_>>>()?;
        let mut bytes = 0;
        let fit = rows.iter().take_while(|row| {
            bytes += row.bytes();
            bytes <= PAGE_BYTES
        });
        let fit = fit.count().max(1);
        let is_cut = fit < rows.len();
        rows.truncate(fit);
        let mut page = page.finish(rows)?;
        page.done = page.done && !is_cut;
        Ok(page)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[CLEAR, HOLD, INSERT, TRIM],
    ..Statements::NONE
};
