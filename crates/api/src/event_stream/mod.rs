//! A bounded stream of server-sent events for each listener (see [`crate::live`]).

mod follower;

use std::sync::Arc;

use http::{HeaderMap, StatusCode};
use postrider_domain::{KeyId, Timestamp};

use self::follower::Follower;
use crate::access::{Access, AuthRequest, Requires, bearer};
use crate::answer::Answer;
use crate::error::{ApiError, ApiResult};
use crate::live::Scope;
use crate::live::places::Places;
use crate::state::Shared;

/// The type of a stream (WHATWG HTML, section 9.2).
pub(crate) const CONTENT_TYPE: &str = "text/event-stream";

/// A right, and what a stream needs of the request beside it.
pub(crate) struct Following<A> {
    /// The right.
    pub access: A,
    /// What was shown for it: it is looked at again while the stream goes on.
    secret: String,
    /// The last event that the listener has had.
    last: Option<Timestamp>,
}

impl<A: Access> Access for Following<A> {
    const NEED: Requires = A::NEED;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        Ok(Self {
            access: A::check(shared, request).await?,
            secret: bearer(request.headers).unwrap_or_default().to_owned(),
            last: last_event(request.headers),
        })
    }

    fn key(&self) -> Option<KeyId> {
        self.access.key()
    }
}

/// `last-event-id`. One that is none of ours leads to `reset`, as one that is too old.
fn last_event(headers: &HeaderMap) -> Option<Timestamp> {
    let value = headers.get("last-event-id")?;
    let micros = value.to_str().ok().and_then(|text| text.parse().ok());
    Some(Timestamp::from_micros(micros.unwrap_or(0)))
}

/// Answers with a stream of what happens in `scope`.
pub(crate) async fn stream<A: Access>(
    shared: &Arc<Shared>,
    following: &Following<A>,
    scope: Scope,
) -> ApiResult<Answer> {
    let live = &shared.live;
    let key = following
        .access
        .key()
        .ok_or_else(ApiError::unauthenticated)?;
    let place = Places::take(&live.places, key, scope)?;
    let follower = Follower::new(
        Arc::clone(shared),
        scope,
        following.secret.clone(),
        place,
        live.listen().await?,
    );
    Ok(Answer::streamed(
        StatusCode::OK,
        CONTENT_TYPE,
        follower.frames(following.last),
    ))
}
