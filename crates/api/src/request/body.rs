//! Bodies: read up to a limit, parsed into what an operation takes.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Deserialize;

use crate::error::{ApiError, ApiResult, Code, Fault, JSON_ERROR};

/// How long a body may take to arrive: a caller that trickles must not hold memory.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much of an unwanted body is read, and for how long.
const MAX_DRAINED: u64 = 32 * 1024 * 1024;
const DRAINING: Duration = Duration::from_secs(5);
/// How much of serde's words is passed on, in characters.
const MAX_MESSAGE: usize = 500;

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(headers: &HeaderMap, mut body: Body, limit: usize) -> ApiResult<Bytes> {
    if announced(headers).is_some_and(|length| length > limit as u64) {
        Box::pin(drain(headers, body)).await;
        return Err(too_large(limit));
    }
    let collected = Limited::new(&mut body, limit).collect();
    let Ok(collected) = tokio::time::timeout(PATIENCE, collected).await else {
        return Err(ApiError::new(
            Code::Timeout,
            format!(
                "The body took longer than {} s: send it faster",
                PATIENCE.as_secs()
            ),
        ));
    };
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Box::pin(drain(headers, body)).await;
            Err(too_large(limit))
        }
        Err(_) => Err(ApiError::new(
            Code::Generic,
            "The body ended early: send as many bytes as content-length says",
        )),
    }
}

/// Reads what is left of a body that nobody wants, within bounds: a connection closed
/// on a caller that is still sending takes the answer with it.
pub(crate) async fn drain(headers: &HeaderMap, mut body: Body) {
    if announced(headers).is_some_and(|length| length > MAX_DRAINED) {
        return;
    }
    let all = async {
        let mut left = MAX_DRAINED;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(length) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    // Whether all of it came makes no difference to the answer.
    let _ = tokio::time::timeout(DRAINING, all).await;
}

fn announced(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Code::TooLarge,
        format!("The body is larger than {limit} bytes: send less"),
    )
}

/// Parses a body. The fast way knows no field names, so that a body that it refuses
/// is read once more to name the field.
pub(crate) fn parse<'de, T: Deserialize<'de>>(body: &'de [u8]) -> ApiResult<T> {
    // An array would be read as the fields in their order.
    if body.trim_ascii_start().first() == Some(&b'[') {
        let msg = "the body is an array: give a JSON object";
        return Err(ApiError::invalid(vec![Fault::new(
            &["body"],
            msg,
            JSON_ERROR,
        )]));
    }
    serde_json::from_slice(body).or_else(|_| parse_slowly(body))
}

/// As [`parse`], but a missing body is an empty object.
pub(crate) fn parse_optional<'de, T: Deserialize<'de>>(body: &'de [u8]) -> ApiResult<T> {
    parse(if body.is_empty() { b"{}" } else { body })
}

#[cold]
fn parse_slowly<'de, T: Deserialize<'de>>(body: &'de [u8]) -> ApiResult<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize(&mut json) {
        Ok(value) => {
            // What follows the value is what the fast way refused.
            json.end()
                .map_err(|error| fault(&[], &error))
                .map(|()| value)
        }
        Err(error) => {
            let path: Vec<String> = error.path().iter().filter_map(segment).collect();
            Err(fault(&path, error.inner()))
        }
    }
}

fn segment(segment: &serde_path_to_error::Segment) -> Option<String> {
    use serde_path_to_error::Segment;
    match segment {
        Segment::Seq { index } => Some(format!("[{index}]")),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    }
}

fn fault(path: &[String], error: &serde_json::Error) -> ApiError {
    let mut path = path.to_vec();
    let text = error.to_string();
    if error.is_data() {
        // A missing field is reported at its parent.
        if let Some(name) = text
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next())
        {
            path.push(name.to_owned());
        }
    }
    let remedy = if error.is_data() {
        let text = text.split(" at line ").next().unwrap_or_default();
        if text.starts_with("missing field") {
            "missing: give this field".to_owned()
        } else {
            text.replacen(", expected", ": give", 1)
        }
    } else {
        format!("the body is not JSON ({text}): send a JSON object")
    };
    // serde shows the value, which may be as long as the body.
    let remedy: String = remedy.chars().take(MAX_MESSAGE).collect();
    let mut loc = vec!["body"];
    loc.extend(path.iter().map(String::as_str));
    ApiError::invalid(vec![Fault::new(&loc, remedy, JSON_ERROR)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[expect(dead_code, reason = "only parsed")]
    struct In {
        event_type: String,
        #[serde(default)]
        channels: Vec<String>,
    }

    fn refused(body: &[u8]) -> Fault {
        parse::<In>(body).unwrap_err().faults()[0].clone()
    }

    #[test]
    fn a_wrong_type_names_field_value_and_remedy() {
        let fault = refused(br#"{"eventType": 5}"#);
        assert_eq!(fault.loc, ["body", "eventType"]);
        assert_eq!(fault.msg, "invalid type: integer `5`: give a string");
        let fault = refused(br#"{"eventType": "a", "channels": ["b", null]}"#);
        assert_eq!(fault.loc, ["body", "channels", "[1]"]);
    }

    #[test]
    fn a_missing_field_is_named() {
        let fault = refused(b"{}");
        assert_eq!(fault.loc, ["body", "eventType"]);
        assert_eq!(fault.msg, "missing: give this field");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for body in [
            &b""[..],
            b"{",
            b"\xff",
            b"{} {}",
            b"nul",
            br#"{"eventType":"\ud800"}"#,
        ] {
            let fault = refused(body);
            assert_eq!(fault.kind, JSON_ERROR);
            assert_eq!(fault.loc[0], "body");
        }
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_announced_or_not() {
        let none = HeaderMap::new();
        assert_eq!(read(&none, Body::from("12345"), 5).await.unwrap(), "12345");
        let error = read(&none, Body::from("123456"), 5).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
        let mut announced = HeaderMap::new();
        announced.insert(header::CONTENT_LENGTH, "6".parse().unwrap());
        let error = read(&announced, Body::empty(), 5).await.unwrap_err();
        assert_eq!(error.code(), Code::TooLarge);
    }
}
