//! Reading requests: query, body, times, pages; and the edge that every request passes.

pub(crate) mod body;
pub(crate) mod cors;
pub(crate) mod edge;
pub(crate) mod page;
pub(crate) mod param;
pub(crate) mod query;
pub(crate) mod request_id;
pub(crate) mod segments;
pub(crate) mod time;
