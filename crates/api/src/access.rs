//! Who may do what. A handler's argument says what it needs, so that no route can
//! forget to ask: without one of these types there is no [`Call`](crate::call::Call).

use http::{HeaderMap, Method, header};
use postrider_domain::{AppId, KeyId, OrgId};
use postrider_store::App;

use crate::call::Segments;
use crate::error::{ApiError, ApiResult};
use crate::key_cache::Caller;
use crate::state::Shared;

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing.
    Nobody,
    /// Any key of the organisation, also one bound to an application.
    Anybody,
    /// A key of the whole organisation.
    Organisation,
    /// A key of the organisation, or of the application that the path names.
    Application,
    /// As [`Need::Application`], and one that may write, although the operation reads.
    ApplicationSecrets,
}

/// A right that a caller was found to have.
pub(crate) trait Access: Sized + Send + 'static {
    /// What is needed for it.
    const NEED: Need;

    /// Checks the request for it.
    fn check(
        shared: &Shared,
        method: &Method,
        headers: &HeaderMap,
        path: &Segments,
    ) -> impl Future<Output = ApiResult<Self>> + Send;

    /// The key that was shown, if one was needed.
    fn key(&self) -> Option<KeyId>;
}

/// Open to everybody.
pub(crate) struct Public;

/// Open to every key of an organisation.
pub(crate) struct Member {
    /// The organisation.
    pub org: OrgId,
    /// The key that was shown.
    pub key: KeyId,
    /// The application that the key is bound to.
    pub app: Option<AppId>,
}

/// Open to keys of the whole organisation.
pub(crate) struct OrgWide {
    /// The organisation.
    pub org: OrgId,
    /// The key that was shown.
    pub key: KeyId,
}

/// Open to keys of the organisation and of this application.
pub(crate) struct OfApp {
    /// The organisation.
    pub org: OrgId,
    /// The key that was shown.
    pub key: KeyId,
    /// The application that the path names.
    pub app: App,
}

/// Open to those of [`OfApp`] that may also write: what they read would let a reader
/// act as somebody else.
pub(crate) struct OfAppInFull(pub OfApp);

impl Access for Public {
    const NEED: Need = Need::Nobody;

    async fn check(_: &Shared, _: &Method, _: &HeaderMap, _: &Segments) -> ApiResult<Self> {
        Ok(Self)
    }

    fn key(&self) -> Option<KeyId> {
        None
    }
}

impl Access for Member {
    const NEED: Need = Need::Anybody;

    async fn check(
        shared: &Shared,
        method: &Method,
        headers: &HeaderMap,
        _: &Segments,
    ) -> ApiResult<Self> {
        let caller = authenticate(shared, method, headers).await?;
        Ok(Self {
            org: caller.org,
            key: caller.key,
            app: caller.app,
        })
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.key)
    }
}

impl Access for OrgWide {
    const NEED: Need = Need::Organisation;

    async fn check(
        shared: &Shared,
        method: &Method,
        headers: &HeaderMap,
        _: &Segments,
    ) -> ApiResult<Self> {
        let caller = authenticate(shared, method, headers).await?;
        if caller.app.is_some() {
            return Err(ApiError::forbidden(
                "This key is bound to one application: use a key of the organisation",
            ));
        }
        Ok(Self {
            org: caller.org,
            key: caller.key,
        })
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.key)
    }
}

impl Access for OfApp {
    const NEED: Need = Need::Application;

    async fn check(
        shared: &Shared,
        method: &Method,
        headers: &HeaderMap,
        path: &Segments,
    ) -> ApiResult<Self> {
        let caller = authenticate(shared, method, headers).await?;
        let app = shared.store.app(caller.org, path.get("app_id")?).await?;
        // Another application is not forbidden but unknown: a key must not tell what exists.
        if caller.app.is_some_and(|bound| bound != app.id) {
            return Err(ApiError::not_found("Application not found"));
        }
        Ok(Self {
            org: caller.org,
            key: caller.key,
            app,
        })
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.key)
    }
}

impl Access for OfAppInFull {
    const NEED: Need = Need::ApplicationSecrets;

    async fn check(
        shared: &Shared,
        _: &Method,
        headers: &HeaderMap,
        path: &Segments,
    ) -> ApiResult<Self> {
        // Whatever the method, the key must be good for one that writes.
        OfApp::check(shared, &Method::POST, headers, path)
            .await
            .map(Self)
    }

    fn key(&self) -> Option<KeyId> {
        self.0.key()
    }
}

async fn authenticate(shared: &Shared, method: &Method, headers: &HeaderMap) -> ApiResult<Caller> {
    let secret = bearer(headers).ok_or_else(ApiError::unauthenticated)?;
    let caller = shared
        .keys
        .caller(secret)
        .await?
        .ok_or_else(ApiError::unauthenticated)?;
    if caller.read_only && !method.is_safe() {
        return Err(ApiError::forbidden(
            "This key may only read: use one that may write",
        ));
    }
    Ok(caller)
}

/// The token of `Authorization: Bearer`, whose scheme is compared without case (RFC 9110, section 11.1).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_what_follows_bearer_in_any_case() {
        for (value, token) in [
            ("Bearer prk_1", Some("prk_1")),
            ("bearer  prk_1 ", Some("prk_1")),
            ("BEARER prk_1", Some("prk_1")),
            ("Basic prk_1", None),
            ("prk_1", None),
            ("Bearer", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            assert_eq!(bearer(&headers), token, "{value}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
