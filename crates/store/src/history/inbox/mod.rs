//! Inboxes: receivers inside the server, and what they have received.

pub(crate) mod request;

use postrider_domain::{AppId, EndpointId, InboxId, OrgId, Timestamp};
use uuid::Uuid;

use self::request::CLEAR;
pub use self::request::{InboxRequest, Verification};

use crate::access::key::mint_secret;
use crate::engine::Store;
use crate::engine::error::{Entity, Refusal, StoreError, StoreResult};
use crate::engine::row::corrupt;
use crate::engine::sql::Sql;
#[cfg(test)]
use crate::engine::sql::Statements;
use crate::stored::secret::Secret;

/// Inboxes that one round removes at most: each with its requests.
const CHUNK: i64 = 10;
/// What secrets are sealed for.
const PLACE: &str = "inbox.secret";

/// An inbox as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    pub id: InboxId,
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
    pub id: InboxId,
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

const HOLD_ORG: &str = "update org set name = name where id = $1";
const COUNT: &str = "select count(*), count(case when app_id = $3 then 1 end) from inbox where org_id = $1 and expires_at > $2";
const INSERT: &str =
    "insert into inbox (id, org_id, app_id, token, expires_at) values ($1, $2, $3, $4, $5)";
const UPDATE: &str = "update inbox set answer_status = coalesce($4, answer_status), \
    answer_delay_ms = coalesce($5, answer_delay_ms), \
    secret = case when $6 then $7 else secret end, \
    endpoint_id = case when $8 then $9 else endpoint_id end, \
    app_id = coalesce(app_id, $10) \
    where id = $1 and org_id = $2 and expires_at > $3";
const EXPIRED: &str = "select id from inbox where expires_at <= $1 limit $2";

const DELETE: &str = "delete from inbox where id = $1";

/// The beginning of a statement that reads inboxes which are still there.
pub(crate) fn present(now: Timestamp) -> Sql {
    let mut sql = Sql::new("select ");
    sql.push(COLUMNS)
        .push(" from inbox where expires_at > ")
        .bind(now.micros());
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
        let mut tx = self.begin("making an inbox").await?;
        // Holds the organisation's row, so that two at a time are counted one by one.
        tx.run(Sql::new(HOLD_ORG).with(new.org_id.uuid())).await?;
        let (there, of_app): (i64, i64) = tx
            .one(
                Sql::new(COUNT)
                    .with(new.org_id.uuid())
                    .with(now.micros())
                    .with(new.app_id.map(AppId::uuid)),
            )
            .await?;
        if there >= i64::from(most) || of_app >= i64::from(most_of_app) {
            return Err(StoreError::Conflict(Refusal::Inboxes));
        }
        tx.run(
            Sql::new(INSERT)
                .with(inbox.id.uuid())
                .with(new.org_id.uuid())
                .with(new.app_id.map(AppId::uuid))
                .with(&inbox.token)
                .with(new.expires_at.micros()),
        )
        .await?;
        tx.commit().await?;
        Ok(inbox)
    }

    /// The organisation's inboxes, or those of one application, newest first.
    pub async fn inboxes(&self, org: OrgId, app: Option<AppId>) -> StoreResult<Vec<Inbox>> {
        let sql = list(org, app, self.clock.now());
        let rows: Vec<Row> = self.read("listing inboxes").all(sql).await?;
        Ok(rows.into_iter().map(Inbox::from).collect())
    }

    /// The organisation's inbox of this id.
    pub async fn inbox(&self, org: OrgId, id: InboxId) -> StoreResult<Inbox> {
        let mut sql = present(self.clock.now());
        sql.push(" and id = ")
            .bind(id.uuid())
            .push(" and org_id = ")
            .bind(org.uuid());
        let row: Option<Row> = self.read("reading an inbox").all(sql).await?.pop();
        Ok(row.ok_or(StoreError::NotFound(Entity::Inbox))?.into())
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
        let done = self
            .write("changing an inbox")
            .run(
                Sql::new(UPDATE)
                    .with(id.uuid())
                    .with(org.uuid())
                    .with(self.clock.now().micros())
                    .with(update.answer_status.map(u16::cast_signed))
                    .with(update.answer_delay_ms.map(u16::cast_signed))
                    .with(changes_secret)
                    .with(sealed)
                    .with(changes_endpoint)
                    .with(endpoint)
                    .with(app),
            )
            .await?;
        if done == 0 {
            return Err(StoreError::NotFound(Entity::Inbox));
        }
        self.inbox(org, id).await
    }

    /// Removes an inbox with what it has received. Removing it again changes nothing.
    pub async fn delete_inbox(&self, id: InboxId) -> StoreResult<()> {
        let mut tx = self.begin("removing an inbox").await?;
        // In this order: a request that is being kept holds the inbox's row.
        for text in [DELETE, CLEAR] {
            tx.run(Sql::new(text).with(id.uuid())).await?;
        }
        tx.commit().await
    }

    /// The inbox whose URL this token stands in, if it still receives.
    pub async fn open_inbox(&self, token: &str) -> StoreResult<Option<OpenInbox>> {
        if !token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Ok(None);
        }
        let mut sql = present(self.clock.now());
        sql.push(" and token = ").bind(token);
        let row: Option<Row> = self.read("reading an inbox").all(sql).await?.pop();
        row.map(|row| self.opened(row)).transpose()
    }

    fn opened(&self, row: Row) -> StoreResult<OpenInbox> {
        let secret = match &row.secret {
            None => None,
            Some(sealed) => {
                let text = self.cipher.open(PLACE, row.id, sealed)?;
                let text =
                    String::from_utf8(text).map_err(|_| corrupt("inbox", "secret", row.id))?;
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

    /// Removes some inboxes that have expired, and what they received.
    pub(crate) async fn expire_inboxes(&self, now: Timestamp) -> StoreResult<u64> {
        let expired: Vec<Uuid> = self
            .read("removing inboxes")
            .scalars(Sql::new(EXPIRED).with(now.micros()).with(CHUNK))
            .await?;
        for id in &expired {
            self.delete_inbox(InboxId::from_uuid(*id)).await?;
        }
        Ok(expired.len() as u64)
    }
}

/// Each is prepared by a test.
#[cfg(test)]
pub(crate) const STATEMENTS: Statements = Statements {
    both: &[HOLD_ORG, COUNT, INSERT, UPDATE, EXPIRED, DELETE],
    ..Statements::NONE
};

/// The statements of the folder.
#[cfg(test)]
pub(crate) const REGISTRY: &[Statements] = &[STATEMENTS, request::STATEMENTS];
