//! The named segments of a path.

use axum::extract::RawPathParams;

use crate::error::{ApiError, ApiResult};

/// The named segments of a path, decoded.
#[derive(Debug)]
pub(crate) struct Segments(pub(crate) RawPathParams);

impl Segments {
    /// The segment of this name.
    pub(crate) fn get(&self, name: &'static str) -> ApiResult<&str> {
        self.0
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
            .ok_or_else(|| ApiError::internal(NoSuchSegment(name)))
    }
}

/// A handler asked for what its path does not have.
#[derive(Debug, thiserror::Error)]
#[error("the path has no segment {0}")]
struct NoSuchSegment(&'static str);
