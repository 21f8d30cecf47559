//! Inboxes: receivers inside the server, and what they have received.

use postrider_domain::{AppId, EndpointId, InboxId, InboxRequestId, OrgId, Timestamp};
use uuid::Uuid;

use crate::error::wrong;
use crate::journal::{self, HappenedRequest};
use crate::key::mint_secret;
use crate::page::{Page, PageRequest};
use crate::row::{self, bad};
use crate::secret::Secret;
use crate::sql::Sql;
use crate::{Store, StoreError, StoreResult};

/// Requests that an inbox keeps, and bytes of their bodies and headers.
const KEPT: i64 = 200;
const KEPT_BYTES: i64 = 16 << 20;
/// Bytes of bodies and headers that a page holds, but for its first request.
const PAGE_BYTES: usize = 4 << 20;
/// Inboxes that one round removes at most: each with its requests.
const CHUNK: i64 = 10;
/// What secrets are sealed for.
const PLACE: &str = "inbox.secret";

/// An inbox as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// Its id.
    pub id: InboxId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The application that it is tied to.
    pub app_id: Option<AppId>,
    /// What stands in its URL.
    pub token: String,
    /// The status that it answers with.
    pub answer_status: u16,
    /// For how many milliseconds it waits before it answers.
    pub answer_delay_ms: u16,
    /// Whether it has a secret of its own to check with.
    pub has_secret: bool,
    /// The endpoint whose secrets it checks with.
    pub endpoint_id: Option<EndpointId>,
    /// When it goes.
    pub expires_at: Timestamp,
}

/// An inbox to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewInbox {
    /// Whose it is.
    pub org_id: OrgId,
    /// The application that it is tied to.
    pub app_id: Option<AppId>,
    /// When it goes.
    pub expires_at: Timestamp,
}

/// What to change of an inbox; `None` leaves a value as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InboxUpdate {
    /// The application that it is tied to from now on, if it was tied to none.
    pub app: Option<AppId>,
    /// The status that it answers with.
    pub answer_status: Option<u16>,
    /// For how many milliseconds it waits before it answers.
    pub answer_delay_ms: Option<u16>,
    /// A secret to check with; it takes the place of an endpoint's.
    pub secret: Option<Option<String>>,
    /// The endpoint whose secrets it checks with, in place of one of its own.
    pub endpoint: Option<Option<EndpointId>>,
}

/// An inbox as it receives.
#[derive(Clone, Debug)]
pub struct OpenInbox {
    /// Its id.
    pub id: InboxId,
    /// Whose it is.
    pub org_id: OrgId,
    /// The application that it is tied to.
    pub app_id: Option<AppId>,
    /// The status that it answers with.
    pub answer_status: u16,
    /// For how many milliseconds it waits before it answers.
    pub answer_delay_ms: u16,
    /// The secret to check with.
    pub secret: Option<Secret>,
    /// The endpoint whose secrets to check with.
    pub endpoint_id: Option<EndpointId>,
}

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
    /// Its id.
    pub id: InboxRequestId,
    /// Its method.
    pub method: String,
    /// What followed the inbox's path.
    pub target: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
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

const COLUMNS: &str =
    "id, org_id, app_id, token, answer_status, answer_delay_ms, secret, endpoint_id, expires_at";

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    org_id: Uuid,
    app_id: Option<Uuid>,
    token: String,
    answer_status: i16,
    answer_delay_ms: i16,
    secret: Option<Vec<u8>>,
    endpoint_id: Option<Uuid>,
    expires_at: i64,
}

impl From<Row> for Inbox {
    fn from(row: Row) -> Self {
        Self {
            id: InboxId::from_uuid(row.id),
            org_id: OrgId::from_uuid(row.org_id),
            app_id: row.app_id.map(AppId::from_uuid),
            token: row.token,
            answer_status: row.answer_status.unsigned_abs(),
            answer_delay_ms: row.answer_delay_ms.unsigned_abs(),
            has_secret: row.secret.is_some(),
            endpoint_id: row.endpoint_id.map(EndpointId::from_uuid),
            expires_at: Timestamp::from_micros(row.expires_at),
        }
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
                _ => return Err(bad("inbox_request", "verification", id)),
            },
        })
    }
}

/// The statement of [`Store::inboxes`].
pub(crate) fn list(org: OrgId, app: Option<AppId>, now: Timestamp) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from inbox where org_id = ")
        .bind(org.uuid())
        .push(" and expires_at > ")
        .bind(now.micros());
    if let Some(app) = app {
        sql.push(" and app_id = ").bind(app.uuid());
    }
    sql.push(" order by id desc");
    sql
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

impl Store {
    /// Makes an inbox, unless the organisation has `most` of them, or its application has
    /// `most_of_app`.
    pub async fn create_inbox(
        &self,
        new: NewInbox,
        most: u16,
        most_of_app: u16,
    ) -> StoreResult<Inbox> {
        let now = self.clock.now();
        let inbox = Inbox {
            id: InboxId::mint(now),
            org_id: new.org_id,
            app_id: new.app_id,
            token: mint_secret("").expose().to_owned(),
            answer_status: 204,
            answer_delay_ms: 0,
            has_secret: false,
            endpoint_id: None,
            expires_at: new.expires_at,
        };
        transaction!(self, "making an inbox", conn => {
            let wrong = wrong("making an inbox");
            // Holds the organisation's row, so that two at a time are counted one by one.
            sqlx::query("update org set name = name where id = $1")
                .bind(new.org_id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            let (there, of_app): (i64, i64) = sqlx::query_as(
                "select count(*), count(case when app_id = $3 then 1 end) from inbox where org_id = $1 and expires_at > $2",
            ).bind(new.org_id.uuid()).bind(now.micros()).bind(new.app_id.map(AppId::uuid))
            .fetch_one(&mut *conn).await.map_err(wrong)?;
            if there >= i64::from(most) || of_app >= i64::from(most_of_app) {
                return Err(StoreError::Conflict("inboxes"));
            }
            sqlx::query(
                "insert into inbox (id, org_id, app_id, token, expires_at) values ($1, $2, $3, $4, $5)",
            ).bind(inbox.id.uuid()).bind(new.org_id.uuid()).bind(new.app_id.map(AppId::uuid))
            .bind(&inbox.token).bind(new.expires_at.micros())
            .execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })?;
        Ok(inbox)
    }

    /// The organisation's inboxes, or those of one application, newest first.
    pub async fn inboxes(&self, org: OrgId, app: Option<AppId>) -> StoreResult<Vec<Inbox>> {
        let sql = list(org, app, self.clock.now());
        let rows: Vec<Row> = sql.fetch(self, "listing inboxes").await?;
        Ok(rows.into_iter().map(Inbox::from).collect())
    }

    /// The organisation's inbox of this id.
    pub async fn inbox(&self, org: OrgId, id: InboxId) -> StoreResult<Inbox> {
        let mut sql = self.present();
        sql.push(" and id = ")
            .bind(id.uuid())
            .push(" and org_id = ")
            .bind(org.uuid());
        let row: Option<Row> = sql.fetch(self, "reading an inbox").await?.pop();
        Ok(row.ok_or(StoreError::NotFound("inbox"))?.into())
    }

    /// The beginning of a statement that reads inboxes which are still there.
    fn present(&self) -> Sql {
        let mut sql = Sql::new("select ");
        sql.push(COLUMNS)
            .push(" from inbox where expires_at > ")
            .bind(self.clock.now().micros());
        sql
    }

    /// Changes an inbox.
    pub async fn change_inbox(
        &self,
        org: OrgId,
        id: InboxId,
        update: InboxUpdate,
    ) -> StoreResult<Inbox> {
        let sealed = match &update.secret {
            Some(Some(secret)) => Some(self.cipher.seal(PLACE, id.uuid(), secret.as_bytes())?),
            _ => None,
        };
        // One of the two takes the place of the other.
        let has_secret = matches!(update.secret, Some(Some(_)));
        let has_endpoint = matches!(update.endpoint, Some(Some(_)));
        let changes_secret = update.secret.is_some() || has_endpoint;
        let changes_endpoint = update.endpoint.is_some() || has_secret;
        let endpoint = update.endpoint.flatten().map(EndpointId::uuid);
        let app = update.app.map(AppId::uuid);
        let done = write!(self, "changing an inbox", pool => sqlx::query(
            "update inbox set answer_status = coalesce($4, answer_status), \
             answer_delay_ms = coalesce($5, answer_delay_ms), \
             secret = case when $6 then $7 else secret end, \
             endpoint_id = case when $8 then $9 else endpoint_id end, \
             app_id = coalesce(app_id, $10) \
             where id = $1 and org_id = $2 and expires_at > $3",
        ).bind(id.uuid()).bind(org.uuid()).bind(self.clock.now().micros())
        .bind(update.answer_status.map(u16::cast_signed)).bind(update.answer_delay_ms.map(u16::cast_signed))
        .bind(changes_secret).bind(sealed).bind(changes_endpoint).bind(endpoint).bind(app)
        .execute(pool).await.map(|done| done.rows_affected()))?;
        if done == 0 {
            return Err(StoreError::NotFound("inbox"));
        }
        self.inbox(org, id).await
    }

    /// Removes an inbox with what it has received. Removing it again changes nothing.
    pub async fn delete_inbox(&self, id: InboxId) -> StoreResult<()> {
        transaction!(self, "removing an inbox", conn => {
            let wrong = wrong("removing an inbox");
            // In this order: a request that is being kept holds the inbox's row.
            for text in ["delete from inbox where id = $1", "delete from inbox_request where inbox_id = $1"] {
                sqlx::query(text).bind(id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            }
            Ok(())
        })
    }

    /// Removes what an inbox has received.
    pub async fn clear_inbox(&self, id: InboxId) -> StoreResult<()> {
        write!(self, "emptying an inbox", pool => sqlx::query("delete from inbox_request where inbox_id = $1")
            .bind(id.uuid()).execute(pool).await.map(|_| ()))
    }

    /// The inbox whose URL this token stands in, if it still receives.
    pub async fn open_inbox(&self, token: &str) -> StoreResult<Option<OpenInbox>> {
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let mut sql = self.present();
        sql.push(" and token = ").bind(token);
        let row: Option<Row> = sql.fetch(self, "reading an inbox").await?.pop();
        row.map(|row| self.opened(row)).transpose()
    }

    fn opened(&self, row: Row) -> StoreResult<OpenInbox> {
        let secret = match &row.secret {
            None => None,
            Some(sealed) => {
                let text = self.cipher.open(PLACE, row.id, sealed)?;
                let text = String::from_utf8(text).map_err(|_| bad("inbox", "secret", row.id))?;
                Some(Secret::new(text))
            }
        };
        let inbox = Inbox::from(row);
        Ok(OpenInbox {
            id: inbox.id,
            org_id: inbox.org_id,
            app_id: inbox.app_id,
            answer_status: inbox.answer_status,
            answer_delay_ms: inbox.answer_delay_ms,
            secret,
            endpoint_id: inbox.endpoint_id,
        })
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
        let told = journal::pack_request(&HappenedRequest {
            org_id: inbox.org_id,
            app_id: inbox.app_id,
            inbox_id: inbox.id,
            id: new.id,
        });
        let now = self.clock.now().micros();
        transaction!(self, "keeping a request", conn => {
            let wrong = wrong("keeping a request");
            // Holds the inbox's row: what is kept for one that goes meanwhile would stay.
            let there = sqlx::query("update inbox set expires_at = expires_at where id = $1")
                .bind(inbox.id.uuid()).execute(&mut *conn).await.map_err(wrong)?;
            if there.rows_affected() == 0 {
                return Err(StoreError::NotFound("inbox"));
            }
            sqlx::query(
                "insert into inbox_request (inbox_id, id, method, target, headers, body, answer_status, verification, reason) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            ).bind(inbox.id.uuid()).bind(new.id.uuid()).bind(&new.method).bind(&new.target).bind(&headers)
            .bind(&new.body).bind(new.answer_status.cast_signed()).bind(verification).bind(reason)
            .execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query(
                "delete from inbox_request where inbox_id = $1 and id in (select id from (select id, \
                 count(*) over newer as n, sum(octet_length(body) + octet_length(headers)) over newer as bytes \
                 from inbox_request where inbox_id = $1 window newer as (order by id desc)) as kept \
                 where n > $2 or (n > 1 and bytes > $3))",
            ).bind(inbox.id.uuid()).bind(KEPT).bind(KEPT_BYTES).execute(&mut *conn).await.map_err(wrong)?;
            sqlx::query(journal::INSERT).bind(now).bind(&told).execute(&mut *conn).await.map_err(wrong)?;
            Ok(())
        })
    }

    /// A page of what an inbox has received, by id, which is by time. It ends early where
    /// the requests are large.
    pub async fn inbox_requests(
        &self,
        inbox: InboxId,
        page: PageRequest<InboxRequestId>,
    ) -> StoreResult<Page<InboxRequest>> {
        let rows: Vec<RequestRow> = requests(inbox, &page)
            .fetch(self, "listing requests")
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

    /// Removes some inboxes that have expired, and what they received.
    pub(crate) async fn expire_inboxes(&self, now: Timestamp) -> StoreResult<u64> {
        let expired: Vec<Uuid> = read!(self, "removing inboxes", pool => sqlx::query_scalar(
            "select id from inbox where expires_at <= $1 limit $2",
        ).bind(now.micros()).bind(CHUNK).fetch_all(pool).await)?;
        for id in &expired {
            self.delete_inbox(InboxId::from_uuid(*id)).await?;
        }
        Ok(expired.len() as u64)
    }
}
