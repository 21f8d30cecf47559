//! How the server is, on the wire.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// How one part of the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// It works.
    Ok,
    /// It does not.
    Error,
    /// This node does not have it.
    Absent,
}

/// One part of the server.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct PartOut {
    /// How it is.
    pub status: Status,
}

/// How the server is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HealthOut {
    /// Whether everything that this node has works.
    pub status: Status,
    /// The database answers.
    pub database: PartOut,
    /// Published messages are stored.
    pub ingest: PartOut,
    /// Due deliveries are looked for.
    pub claimer: PartOut,
    /// Deliveries are sent.
    pub worker: PartOut,
    /// The disk of the database has room for messages; absent where it is not this node's.
    pub disk: PartOut,
    /// Everything that is owed is in a node's hand, or due: an error when that has not been so
    /// for a minute.
    pub unaccounted: PartOut,
    /// For how many seconds the oldest due delivery has waited; null if none waits.
    #[schema(required = true)]
    pub oldest_due_seconds: Option<f64>,
    /// The services of this node, by name: an error when one has stood still, or has failed for a
    /// minute. The node is ready all the same: what waits for them loses nothing.
    pub services: BTreeMap<&'static str, PartOut>,
}
