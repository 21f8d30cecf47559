//! What an attempt came to: success, or which kind of failure.

use std::error::Error;
use std::io;

use postrider_domain::{AttemptStatus, FailureKind};

use super::Report;
use crate::guard::{LookupError, RefusedAddress};

/// Whether the attempt succeeded (2xx and nothing else: Standard Webhooks 1.0.0),
/// and if not, in what way it failed.
pub fn classify(report: &Report) -> (AttemptStatus, Option<FailureKind>) {
    match &report.result {
        Ok(answer) if (200..300).contains(&answer.status) => (AttemptStatus::Success, None),
        Ok(_) => (AttemptStatus::Fail, Some(FailureKind::Http)),
        Err((kind, _)) => (AttemptStatus::Fail, Some(*kind)),
    }
}

/// The kind of a transport error and a text without URL: the client wraps its causes
/// in several layers, of which the first that says something counts.
pub(super) fn transport(error: &reqwest::Error, https: bool) -> (FailureKind, String) {
    let kind = causes(error)
        .find_map(|cause| kind_of(cause, error.is_connect(), https))
        .unwrap_or_else(|| fallback(error, https));
    (kind, words(error))
}

/// The innermost cause in its own words: outer layers would repeat the URL.
pub(super) fn words(error: &reqwest::Error) -> String {
    causes(error).skip(1).last().map_or_else(
        || "the request could not be made".to_owned(),
        ToString::to_string,
    )
}

fn fallback(error: &reqwest::Error, https: bool) -> FailureKind {
    if error.is_timeout() {
        FailureKind::Timeout
    } else if error.is_connect() && https {
        FailureKind::Tls
    } else if error.is_connect() {
        FailureKind::Connect
    } else {
        FailureKind::Reset
    }
}

fn kind_of(cause: &(dyn Error + 'static), connecting: bool, https: bool) -> Option<FailureKind> {
    if cause.is::<RefusedAddress>() {
        return Some(FailureKind::RefusedAddress);
    }
    if cause.is::<LookupError>() {
        return Some(FailureKind::Dns);
    }
    if cause.is::<rustls::Error>() {
        return Some(FailureKind::Tls);
    }
    if let Some(error) = cause.downcast_ref::<hyper::Error>() {
        return kind_of_hyper(error);
    }
    let error = cause.downcast_ref::<io::Error>()?;
    // One that wraps another error is judged by that.
    if error
        .get_ref()
        .is_some_and(|inner| inner.source().is_some() || is_known(inner))
    {
        return None;
    }
    Some(kind_of_io(error.kind(), connecting, https))
}

fn is_known(error: &(dyn Error + Send + Sync + 'static)) -> bool {
    error.is::<RefusedAddress>()
        || error.is::<LookupError>()
        || error.is::<rustls::Error>()
        || error.is::<hyper::Error>()
        || error.is::<io::Error>()
}

fn kind_of_hyper(error: &hyper::Error) -> Option<FailureKind> {
    if error.is_parse_too_large() {
        Some(FailureKind::Oversized)
    } else if error.is_parse() {
        Some(FailureKind::Http)
    } else if error.is_timeout() {
        Some(FailureKind::Timeout)
    } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
        Some(FailureKind::Reset)
    } else {
        None
    }
}

fn kind_of_io(kind: io::ErrorKind, connecting: bool, https: bool) -> FailureKind {
    match kind {
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe => FailureKind::Reset,
        // The handshake was cut short, or what came was no handshake.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData if connecting && https => {
            FailureKind::Tls
        }
        _ if connecting => FailureKind::Connect,
        io::ErrorKind::TimedOut => FailureKind::Timeout,
        _ => FailureKind::Reset,
    }
}

/// The error and everything that it wraps, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| inner(*error))
}

/// What the error wraps; also of an I/O error, which does not name it as its source.
fn inner<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let wrapped = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref);
    match wrapped {
        Some(wrapped) => Some(wrapped as &(dyn Error + 'static)),
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::Answer;
    use super::*;

    #[test]
    fn only_2xx_is_success() {
        let report = |result| Report {
            result,
            duration: Duration::ZERO,
            retry_after: None,
        };
        let answer = |status| {
            report(Ok(Answer {
                status,
                headers: vec![],
                body: bytes::Bytes::new(),
                truncated: false,
            }))
        };
        for status in [200, 201, 204, 299] {
            assert_eq!(classify(&answer(status)), (AttemptStatus::Success, None));
        }
        let http = (AttemptStatus::Fail, Some(FailureKind::Http));
        for status in [101, 199, 300, 301, 304, 400, 404, 410, 429, 500, 503, 999] {
            assert_eq!(classify(&answer(status)), http, "{status}");
        }
        let reset = report(Err((FailureKind::Reset, String::new())));
        let want = (AttemptStatus::Fail, Some(FailureKind::Reset));
        assert_eq!(classify(&reset), want);
    }

    #[test]
    fn an_error_inside_an_io_error_is_found() {
        let inner = rustls::Error::General("x".to_owned());
        let outer = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, inner));
        let kind = causes(&outer).find_map(|cause| kind_of(cause, true, true));
        assert_eq!(kind, Some(FailureKind::Tls));
        let refused = io::Error::other(LookupError::NoAddress);
        let kind = causes(&refused).find_map(|cause| kind_of(cause, true, false));
        assert_eq!(kind, Some(FailureKind::Dns));
    }
}
