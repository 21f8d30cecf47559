//! What the pipeline is told at its start.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use postrider_domain::RetryPolicy;

/// Which parts of the pipeline a node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Accepts and delivers.
    All,
    /// Accepts only; what it accepts is due at once for the workers.
    Api,
    /// Delivers only.
    Worker,
}

impl Role {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::All, Self::Api, Self::Worker];

    /// The one of this word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.word() == word)
    }

    /// Whether the node delivers.
    pub fn delivers(self) -> bool {
        self != Self::Api
    }

    /// The word in the node's row and in the logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Api => "api",
            Self::Worker => "worker",
        }
    }
}

/// The pipeline's settings, checked by the caller.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    /// Which parts run.
    pub role: Role,
    /// Ranges that deliveries may reach although they are not public.
    pub allow_subnets: Vec<IpNet>,
    /// Whether only https receivers are sent to.
    pub https_only: bool,
    /// From name lookup to the last byte read, unless the endpoint has its own.
    pub request_timeout: Duration,
    /// When to try again, unless the endpoint has its own policy.
    pub retry_policy: RetryPolicy,
    /// How long a silent node keeps what it owns.
    pub lease: Duration,
    /// Sends in flight on this node, at most.
    pub max_in_flight: usize,
    /// Bytes of bodies that wait in memory, at most.
    pub memory_limit: usize,
    /// Messages that wait to be stored, at most.
    pub ingest_queue: usize,
    /// How long rows of messages and attempts are kept.
    pub keep_rows: Duration,
    /// Idle connections to receivers, at most, over all of them.
    pub max_idle_connections: usize,
    /// Which disks must have room; `None`: none is looked at.
    pub disk: Option<DiskWatch>,
}

/// When a disk is too full to take messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskWatch {
    /// Files or folders on the disks.
    pub paths: Vec<PathBuf>,
    /// The fewest free bytes.
    pub min_free: u64,
}
