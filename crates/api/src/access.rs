//! Who may do what. A handler's argument says what it needs, so that no route can
//! forget to ask: without one of these types there is no [`Call`](crate::call::Call).

use std::sync::Arc;

use http::{HeaderMap, Method, header};
use postrider_domain::{AppId, Capabilities, Capability, KeyId, OrgId};
use postrider_store::{App, is_visible};

use crate::error::{ApiError, ApiResult, Code};
use crate::key_cache::{Caller, Found};
use crate::request::segments::Segments;
use crate::state::Shared;

/// What an operation asks of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Requires {
    /// Nothing.
    Nobody,
    /// Any key or token of the organisation, also one bound to an application.
    Anybody,
    /// As [`Requires::Anybody`], and no more than being one: also what may only read writes.
    Oneself,
    /// A key of the whole organisation.
    Organisation,
    /// As [`Requires::Organisation`], and one that may write, although the operation reads.
    OrganisationSecrets,
    /// A key of the organisation, or of the application that the path names.
    Application,
    /// As [`Requires::Application`], and one that may see secrets, although the operation reads.
    ApplicationSecrets,
}

/// The part of a request that rights depend on.
#[derive(Clone, Copy)]
pub(crate) struct AuthRequest<'a> {
    pub method: &'a Method,
    pub headers: &'a HeaderMap,
    pub path: &'a Segments,
    /// What a token must be capable of; without it `ViewBase` to read, everything to write.
    pub capability: Option<Capability>,
}

/// A right that a caller was found to have.
pub(crate) trait Access: Sized + Send + 'static {
    /// What is needed for it.
    const NEED: Requires;

    /// Checks the request for it.
    fn check(
        shared: &Shared,
        request: AuthRequest<'_>,
    ) -> impl Future<Output = ApiResult<Self>> + Send;

    /// The key that was shown, if one was needed.
    fn key(&self) -> Option<KeyId>;
}

/// Which event types a caller sees.
#[derive(Clone, Debug)]
pub(crate) struct Visibility(Option<Arc<[String]>>);

impl Visibility {
    /// The feature flags that the caller has; `None`: it needs none.
    pub(crate) fn flags(&self) -> Option<&[String]> {
        self.0.as_deref()
    }

    /// Whether the caller sees an event type that asks for one of these flags.
    pub(crate) fn sees(&self, needed: Option<&[String]>) -> bool {
        is_visible(needed, self.flags())
    }
}

/// Open to everybody.
pub(crate) struct Public;

/// Open to every key and token of an organisation.
pub(crate) struct Member {
    pub org: OrgId,
    /// The key that was shown.
    pub key: KeyId,
    /// The application that the key is bound to.
    pub app: Option<AppId>,
    /// Which event types it sees.
    pub visibility: Visibility,
}

/// Open to every key and token, whatever it may do: for what concerns only itself.
pub(crate) struct Bearer(pub Caller);

/// Open to keys of the whole organisation.
pub(crate) struct OrgWide {
    pub org: OrgId,
    /// The key that was shown.
    pub key: KeyId,
}

/// Open to keys of the whole organisation; the path names one of its applications.
pub(crate) struct AppByOrg {
    /// The key that was shown.
    pub key: KeyId,
    /// The application that the path names.
    pub app: App,
}

/// Open to keys of the organisation and of this application.
pub(crate) struct OfApp {
    pub org: OrgId,
    /// The key that was shown.
    pub key: KeyId,
    /// The application that the path names.
    pub app: App,
    /// Which event types the caller sees.
    pub visibility: Visibility,
    /// Whether the key opens this application alone: it is then in its customer's hands.
    pub is_bound: bool,
}

/// Open to those of [`OfApp`] that may see secrets: what they read would let a reader
/// act as somebody else.
pub(crate) struct AppSecrets(pub OfApp);

/// Open to those of [`OrgWide`] that may also write: what they read would let a reader
/// act as somebody else.
pub(crate) struct OrgSecrets(pub OrgWide);

impl Access for Public {
    const NEED: Requires = Requires::Nobody;

    async fn check(_: &Shared, _: AuthRequest<'_>) -> ApiResult<Self> {
        Ok(Self)
    }

    fn key(&self) -> Option<KeyId> {
        None
    }
}

impl Access for Member {
    const NEED: Requires = Requires::Anybody;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        let caller = permitted(shared, request).await?;
        Ok(Self {
            org: caller.org,
            key: caller.key,
            app: caller.app,
            visibility: Visibility(caller.flags),
        })
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.key)
    }
}

impl Access for Bearer {
    const NEED: Requires = Requires::Oneself;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        authenticate(shared, request.headers).await.map(Self)
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.0.key)
    }
}

impl Access for OrgWide {
    const NEED: Requires = Requires::Organisation;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        let caller = permitted(shared, request).await?;
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

impl Access for AppByOrg {
    const NEED: Requires = Requires::Organisation;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        let OrgWide { org, key } = OrgWide::check(shared, request).await?;
        let app = shared.store.app(org, request.path.get("app_id")?).await?;
        Ok(Self { key, app })
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.key)
    }
}

impl Access for OrgSecrets {
    const NEED: Requires = Requires::OrganisationSecrets;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        let capability = request.capability.or(Some(Capability::ViewEndpointSecret));
        let request = AuthRequest {
            capability,
            ..request
        };
        OrgWide::check(shared, request).await.map(Self)
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.0.key)
    }
}

impl Access for OfApp {
    const NEED: Requires = Requires::Application;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        let caller = permitted(shared, request).await?;
        let app = shared
            .store
            .app(caller.org, request.path.get("app_id")?)
            .await?;
        // Another application is not forbidden but unknown: a key must not tell what exists.
        if caller.app.is_some_and(|bound| bound != app.id) {
            return Err(ApiError::not_found("Application not found"));
        }
        Ok(Self {
            org: caller.org,
            key: caller.key,
            app,
            visibility: Visibility(caller.flags),
            is_bound: caller.app.is_some(),
        })
    }

    fn key(&self) -> Option<KeyId> {
        Some(self.key)
    }
}

impl Access for AppSecrets {
    const NEED: Requires = Requires::ApplicationSecrets;

    async fn check(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Self> {
        let capability = request.capability.or(Some(Capability::ViewEndpointSecret));
        let request = AuthRequest {
            capability,
            ..request
        };
        OfApp::check(shared, request).await.map(Self)
    }

    fn key(&self) -> Option<KeyId> {
        self.0.key()
    }
}

/// Who asks, if they may do such a thing at all.
async fn permitted(shared: &Shared, request: AuthRequest<'_>) -> ApiResult<Caller> {
    let caller = authenticate(shared, request.headers).await?;
    let writes = !request.method.is_safe();
    if caller.read_only && writes {
        return Err(ApiError::forbidden(
            "This key may only read: use one that may write",
        ));
    }
    let missing = match request.capability {
        Some(capability) if caller.capabilities.allows(capability) => return Ok(caller),
        Some(capability) => capability.word(),
        None if !writes && caller.capabilities.allows(Capability::ViewBase) => return Ok(caller),
        None if caller.capabilities == Capabilities::ALL => return Ok(caller),
        None if writes => "every one",
        None => Capability::ViewBase.word(),
    };
    Err(ApiError::forbidden(format!(
        "This key or token lacks the capability that this needs ({missing}): use one that has it"
    )))
}

/// Who asks.
async fn authenticate(shared: &Shared, headers: &HeaderMap) -> ApiResult<Caller> {
    let secret = bearer(headers).ok_or_else(ApiError::unauthenticated)?;
    match shared.keys.caller(secret).await? {
        Found::Caller(caller) => Ok(caller),
        Found::Nobody => Err(ApiError::unauthenticated()),
        Found::Malformed => Err(ApiError::new(
            Code::BadToken,
            "bad token: its organisation or application is no id",
        )),
        Found::SigningSecret => Err(ApiError::new(
            Code::Unauthenticated,
            "This is the secret that signs tokens, not a token: sign one with it, or use an API key",
        )),
    }
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
