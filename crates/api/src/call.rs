//! One request that may do what it asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postrider_delivery::Deadline;
use serde::de::Deserialize;

use crate::access::{AppSecrets, OfApp, OrgSecrets, OrgWide};
use crate::error::{ApiError, ApiResult};
use crate::idempotency::IdempotencyHeader;
use crate::request::body;
use crate::request::query::Query;
use crate::request::segments::Segments;
use crate::state::Shared;

/// A request with the right that its handler asked for.
pub(crate) struct Call<A> {
    pub shared: Arc<Shared>,
    pub access: A,
    pub path: Segments,
    pub query: Query,
    pub body: Bytes,
    /// By when a publisher hears.
    pub deadline: Deadline,
    /// For the one operation that sees to its idempotency itself.
    pub idempotency: Option<IdempotencyHeader>,
}

impl<A> Call<A> {
    /// The body, parsed.
    pub(crate) fn json<'de, T: Deserialize<'de>>(&'de self) -> ApiResult<T> {
        body::parse(&self.body)
    }

    /// The body, parsed; none is an empty object.
    pub(crate) fn json_or_nothing<'de, T: Deserialize<'de>>(&'de self) -> ApiResult<T> {
        body::parse_optional(&self.body)
    }

    /// Does what a publish waits for besides the commit, before its deadline.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = ApiResult<T>>,
    ) -> ApiResult<T> {
        let done = self.deadline.keep(work).await;
        done.unwrap_or_else(|| Err(too_late()))
    }

    /// A segment of the path, which the operation's template names.
    pub(crate) fn segment(&self, name: &'static str) -> ApiResult<&str> {
        self.path.get(name)
    }
}

impl Call<AppSecrets> {
    /// The same call with the lesser right.
    pub(crate) fn of_app(self) -> Call<OfApp> {
        self.with_access(|access| access.0)
    }
}

impl Call<OrgSecrets> {
    /// The same call with the lesser right.
    pub(crate) fn org_wide(self) -> Call<OrgWide> {
        self.with_access(|access| access.0)
    }
}

impl<A> Call<A> {
    fn with_access<B>(self, access: impl FnOnce(A) -> B) -> Call<B> {
        Call {
            shared: self.shared,
            access: access(self.access),
            path: self.path,
            query: self.query,
            body: self.body,
            deadline: self.deadline,
            idempotency: self.idempotency,
        }
    }
}

/// A publisher hears this at its deadline.
pub(crate) fn too_late() -> ApiError {
    ApiError::unavailable(Duration::from_secs(1)).caused_by(TooLate)
}

/// A publish took too long: the database answers late, or not at all.
#[derive(Debug, thiserror::Error)]
#[error("the database did not answer a publish in time")]
struct TooLate;
