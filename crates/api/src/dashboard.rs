//! Serves the dashboard: the console at `/`, the portal at `/portal`, and their files.
//!
//! A page runs what its own server gave it and nothing else. The console stands in
//! nobody's frame; the portal in those of the origins that its organisation allows, which
//! the `org` of its address tells and which is no secret.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    REFERRER_POLICY, VARY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use postrider_dashboard::{File, INDEX, file};
use postrider_domain::OrgId;
use postrider_store::{StoreError, random_hex};

use crate::answer::{HTML, PAGE_POLICY};
use crate::error::{ApiError, ApiResult};
use crate::request::edge;
use crate::state::Shared;

/// Where the console's pages are.
const CONSOLE: [&str; 3] = ["/", "/console", "/console/{*page}"];
/// Where the portal's pages are.
const PORTAL: [&str; 2] = ["/portal", "/portal/{*page}"];
/// Files whose names change with what is in them.
const ASSETS: &str = "/assets/{*file}";
/// Files that have names of their own.
const PLAIN: [&str; 4] = [
    "/favicon.svg",
    "/favicon.ico",
    "/robots.txt",
    "/manifest.webmanifest",
];
/// What stands for the page's nonce, where the bundle wants one.
const NONCE: &str = "__CSP_NONCE__";

/// Adds the dashboard's routes.
pub(crate) fn routes(mut router: Router, shared: &Arc<Shared>) -> Router {
    for path in CONSOLE {
        router = router.route(path, get(async || page(&Policy::console())));
    }
    for path in PORTAL {
        let shared = Arc::clone(shared);
        router = router.route(
            path,
            get(move |request: Request| {
                let shared = Arc::clone(&shared);
                edge::guarded(async move {
                    match portal(&shared, request.uri().query()).await {
                        Ok(policy) => page(&policy),
                        Err(error) => error.into_response(),
                    }
                })
            }),
        );
    }
    for path in PLAIN {
        router = router.route(path, get(plain));
    }
    router.route(ASSETS, get(asset))
}

/// Who may frame a page, and from where it may show pictures.
struct Policy {
    ancestors: String,
    pictures: String,
}

impl Policy {
    fn console() -> Self {
        Self {
            ancestors: "'none'".to_owned(),
            // Logos of themes that are tried out.
            pictures: "https:".to_owned(),
        }
    }

    fn text(&self, nonce: Option<&str>) -> String {
        let styles = nonce.map_or_else(String::new, |nonce| format!(" 'nonce-{nonce}'"));
        format!(
            "default-src 'none'; script-src 'self'; style-src 'self'{styles}; font-src 'self'; \
             img-src 'self' data: {}; connect-src 'self'; manifest-src 'self'; base-uri 'none'; \
             form-action 'none'; frame-ancestors {}",
            self.pictures, self.ancestors
        )
    }
}

/// The policy of the portal of the organisation that the query names; of one that is
/// unknown, nobody may frame it.
async fn portal(shared: &Shared, query: Option<&str>) -> ApiResult<Policy> {
    let mut policy = Policy {
        ancestors: "'none'".to_owned(),
        pictures: String::new(),
    };
    let mut pairs = query.unwrap_or_default().split('&');
    let org = pairs.find_map(|pair| pair.strip_prefix("org="));
    let Some(org) = org.and_then(|org| org.parse::<OrgId>().ok()) else {
        return Ok(policy);
    };
    match shared.cache.org(org).await {
        Err(StoreError::NotFound(_)) => {}
        Err(error) => return Err(ApiError::from(error)),
        Ok(org) => {
            // Both were checked when they were set: nothing in them can end a directive.
            if !org.settings.frame_ancestors.is_empty() {
                policy.ancestors = org.settings.frame_ancestors.join(" ");
            }
            if let Some(logo) = &org.settings.theme.logo_url {
                policy.pictures.push_str(origin(logo));
            }
        }
    }
    Ok(policy)
}

/// The origin of a URL as URLs are normally written.
fn origin(url: &str) -> &str {
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find('/').map_or(url.len(), |at| host + at);
    &url[..end]
}

fn page(policy: &Policy) -> Response {
    let Some(index) = file(INDEX) else {
        return without();
    };
    let text = String::from_utf8_lossy(&index.bytes);
    let nonce = text.contains(NONCE).then(random_hex::<16>);
    let body = match &nonce {
        Some(nonce) => Bytes::from(text.replace(NONCE, nonce)),
        None => Bytes::from(text.into_owned()),
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    set(headers, CONTENT_TYPE, HTML);
    set(headers, CACHE_CONTROL, "no-cache");
    set(headers, REFERRER_POLICY, "no-referrer");
    let policy = policy.text(nonce.as_deref());
    // Written of our own words and of what was checked when it was set.
    let policy = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(PAGE_POLICY));
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    response
}

/// What a server says that was built without the bundle.
fn without() -> Response {
    const TEXT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
        <title>Postrider</title><style>body{font:16px/1.6 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}</style>\
        <h1>No dashboard in this build</h1>\
        <p>This server was built without its dashboard. <code>make build</code> builds both: it runs \
        <code>npm ci</code> and <code>npm run build</code> in <code>dashboard/</code> first.</p>\
        <p>The API is here, and described at <a href=\"/docs\">/docs</a>.</p></html>";
    let mut response = (StatusCode::NOT_FOUND, TEXT).into_response();
    let headers = response.headers_mut();
    set(headers, CONTENT_TYPE, HTML);
    set(headers, CACHE_CONTROL, "no-store");
    set(headers, CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response
}

async fn asset(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    serve(
        path,
        request.headers(),
        "public, max-age=31536000, immutable",
    )
}

async fn plain(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    serve(path, request.headers(), "public, max-age=3600")
}

/// A file as it is or, where the bundle has it compressed and the reader takes it so, so.
fn serve(path: &str, asked: &HeaderMap, cache: &'static str) -> Response {
    let compressed = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(coding, _)| takes(asked, coding))
        .find_map(|(coding, suffix)| Some((coding, file(&format!("{path}{suffix}"))?)));
    let (coding, found) = match compressed {
        Some((coding, file)) => (Some(coding), Some(file)),
        None => (None, file(path)),
    };
    let Some(File {
        bytes,
        content_type,
    }) = found
    else {
        return ApiError::not_found("No such file").into_response();
    };
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    set(headers, CONTENT_TYPE, content_type);
    set(headers, CACHE_CONTROL, cache);
    set(headers, VARY, "accept-encoding");
    // An SVG that is opened by itself is a page.
    set(headers, CONTENT_SECURITY_POLICY, "default-src 'none'");
    if let Some(coding) = coding {
        set(headers, CONTENT_ENCODING, coding);
    }
    response
}

/// Whether a reader takes this coding (RFC 9110, section 12.5.3), told without weighing:
/// a coding that is named, and not with a weight of nothing.
fn takes(asked: &HeaderMap, coding: &str) -> bool {
    let values = asked.get_all(ACCEPT_ENCODING).into_iter();
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| {
            let (name, weight) = one.split_once(';').unwrap_or((one, ""));
            let weight = weight.trim().trim_start_matches("q=");
            name.trim().eq_ignore_ascii_case(coding)
                && !matches!(weight, "0" | "0.0" | "0.00" | "0.000")
        })
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_runs_nothing_inline_and_names_who_may_frame() {
        let text = Policy::console().text(None);
        assert!(!text.contains("unsafe"), "{text}");
        assert!(text.ends_with("frame-ancestors 'none'"), "{text}");
        let portal = Policy {
            ancestors: "https://a.example https://b.example:8443".to_owned(),
            pictures: origin("https://cdn.example/logo.svg").to_owned(),
        };
        let text = portal.text(Some("abc"));
        assert!(text.contains("style-src 'self' 'nonce-abc';"), "{text}");
        assert!(
            text.contains("img-src 'self' data: https://cdn.example;"),
            "{text}"
        );
        assert!(
            text.ends_with("frame-ancestors https://a.example https://b.example:8443"),
            "{text}"
        );
    }

    #[test]
    fn a_coding_counts_where_it_is_named_with_a_weight() {
        let mut asked = HeaderMap::new();
        assert!(!takes(&asked, "br"));
        asked.insert(
            ACCEPT_ENCODING,
            HeaderValue::from_static("gzip;q=0, BR;q=0.5"),
        );
        assert!(takes(&asked, "br") && !takes(&asked, "gzip"));
    }
}
