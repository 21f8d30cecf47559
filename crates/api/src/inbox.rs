//! The side of inboxes that receives: open to everybody who knows the URL, and bounded
//! in everything.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use postrider_domain::{InboxRequestId, SchemeKind};
use postrider_store::{InboxRequest, OpenInbox, Verification};
use postrider_verify::{SigningKey, Verifier};

use crate::error::{ApiError, ApiResult};
use crate::request::{body, edge};
use crate::state::Shared;
use crate::turns::Turn;

/// The path of every inbox, and of what lies below it.
pub(crate) const PATHS: [&str; 2] = ["/inbox/{token}", "/inbox/{token}/{*below}"];
/// The most bytes of a body that is kept.
const BODY: usize = 256 * 1024;
/// Headers that are kept of a request, and bytes of each one's value.
const HEADERS: usize = 100;
const HEADER_VALUE: usize = 8 * 1024;
/// Bytes of the path and query that are kept.
const TARGET: usize = 2 * 1024;

/// What serves [`PATHS`].
pub(crate) fn service(shared: Arc<Shared>) -> MethodRouter {
    any(move |request: Request| {
        let shared = Arc::clone(&shared);
        edge::guarded(async move {
            match receive(&shared, request).await {
                Ok(status) => status.into_response(),
                Err(error) => error.into_response(),
            }
        })
    })
}

async fn receive(shared: &Shared, request: Request) -> Result<StatusCode, Response> {
    let (parts, sent) = request.into_parts();
    let refused = async |error: ApiError, sent| {
        Box::pin(body::drain(&parts.headers, sent)).await;
        Err(error.into_response())
    };
    let path = &parts.uri;
    let below = path.path().strip_prefix("/inbox/").unwrap_or_default();
    let (token, below) = below.split_once('/').unwrap_or((below, ""));
    // A stranger who does not know the token takes nobody's turn.
    let (inbox, _turn) = match open(shared, token).await {
        Ok(opened) => opened,
        Err(error) => return refused(error, sent).await,
    };
    let kept = body::read(&parts.headers, sent, BODY)
        .await
        .map_err(IntoResponse::into_response)?;
    let target = path
        .query()
        .map_or_else(|| below.to_owned(), |query| format!("{below}?{query}"));
    let new = InboxRequest {
        id: InboxRequestId::mint(shared.store.clock().now()),
        method: parts.method.as_str().chars().take(32).collect(),
        target: cut(&target, TARGET),
        headers: headers(&parts.headers),
        verification: verify(shared, &inbox, &parts.headers, &kept)
            .await
            .map_err(IntoResponse::into_response)?,
        body: kept.to_vec(),
        answer_status: inbox.answer_status,
    };
    shared
        .store
        .keep_inbox_request(&inbox, new)
        .await
        .map_err(|error| ApiError::from(error).into_response())?;
    // The chosen pause is real time, as a slow receiver's would be.
    tokio::time::sleep(Duration::from_millis(u64::from(inbox.answer_delay_ms))).await;
    Ok(StatusCode::from_u16(inbox.answer_status).unwrap_or(StatusCode::NO_CONTENT))
}

/// The inbox of this token, if it takes a request now.
async fn open(shared: &Shared, token: &str) -> ApiResult<(OpenInbox, Turn)> {
    let unknown = || ApiError::not_found("No such inbox, or it has expired");
    if !shared.settings.inbox {
        return Err(unknown());
    }
    let inbox = shared.store.open_inbox(token).await?.ok_or_else(unknown)?;
    if shared.ingest.status().disk == Some(false) {
        return Err(ApiError::disk_low("no request is kept"));
    }
    let turn = shared.receiver.take(inbox.id, shared.store.clock().now())?;
    Ok((inbox, turn))
}

fn headers(map: &HeaderMap) -> Vec<(String, String)> {
    map.iter()
        .take(HEADERS)
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes());
            (name.as_str().to_owned(), cut(&value, HEADER_VALUE))
        })
        .collect()
}

/// The beginning of a text, of at most so many bytes. Neither engine's text holds a NUL.
fn cut(text: &str, most: usize) -> String {
    let end = text
        .char_indices()
        .map(|(at, char)| at + char.len_utf8())
        .take_while(|end| *end <= most)
        .last()
        .unwrap_or(0);
    text[..end].replace('\0', "\u{FFFD}")
}

/// Checks a request as its receiver should, with what the inbox was told to use.
async fn verify(
    shared: &Shared,
    inbox: &OpenInbox,
    headers: &HeaderMap,
    body: &Bytes,
) -> ApiResult<Verification> {
    let mut verifier = Verifier::builder();
    let mut keys: Vec<String> = Vec::new();
    keys.extend(
        inbox
            .secret
            .as_ref()
            .map(|secret| secret.expose().to_owned()),
    );
    if let Some(endpoint) = inbox.endpoint_id {
        let secrets = shared.store.secrets(endpoint).await?;
        // The inbox knows the standard scheme alone.
        for secret in secrets
            .iter()
            .filter(|of| of.scheme == SchemeKind::Standard)
        {
            let key = SigningKey::parse(secret.text.expose()).map_err(ApiError::internal)?;
            keys.push(key.verifying_string());
        }
    }
    if keys.is_empty() {
        return Ok(Verification::NoSecret);
    }
    for key in &keys {
        verifier = verifier.secret(key).map_err(ApiError::internal)?;
    }
    let verifier = verifier.build().map_err(ApiError::internal)?;
    let now = shared.store.clock().now().seconds();
    Ok(match verifier.verify(headers, body, now) {
        Ok(_) => Verification::Verified,
        Err(error) => Verification::Failed(error.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_holds_no_nul() {
        assert_eq!(cut("aé\0b", 3), "aé");
        assert_eq!(cut("aé\0b", 2), "a");
        assert_eq!(cut("a\0b", 9), "a\u{FFFD}b");
        assert_eq!(cut("", 9), "");
    }
}
