//! All of Postrider's SQL, on SQLite and on PostgreSQL behind one type.
//!
//! **Invariants.** Only this crate names sqlx. Nothing here knows HTTP, lanes or
//! receivers. One SQL text serves both engines (sqlx takes `$1` on both); only
//! the bulk statements of the hot path have two bodies.
//!
//! **Wings**, each of which names only those before it: `engine` (sending SQL to either),
//! `stored` (rows and what is sealed in them), `cache` (what publishing and sending read from
//! memory), `expiry` (days of payloads, partitions), `outbox` (what organisations hear of
//! themselves), `commit` (the hot path's transactions), `due` (what is to be sent, and by
//! whom), `tenant` (what customers set), `access` (who may call), `history` (what has
//! happened), `task` (long work), `retention` (what goes when), [`backup`].

#[cfg(test)]
#[macro_use]
#[path = "../tests/support/mod.rs"]
mod support;
mod access;
pub mod backup;
mod cache;
mod commit;
mod due;
mod engine;
mod expiry;
mod history;
mod open;
mod outbox;
mod retention;
mod stored;
mod task;
mod tenant;
#[cfg(test)]
mod tests;

pub use access::answer_key::Begin;
pub use access::jwt::jwt_id;
pub use access::key::{ApiKey, KEY_PREFIX, KeySecret, NewKey};
pub use access::session::{ConsoleSession, SESSION_PREFIX};
pub use access::token::{AppToken, NewAppToken, PortalAccess, TOKEN_PREFIX};
pub use cache::app::{AppCache, AppConfig, EndpointConfig, EndpointSecret};
pub use cache::feed::Changes;
pub use cache::org::{EventTypeConfig, OrgConfig};
pub use commit::log::{LoggedAttempt, LoggedCommit, LoggedMessage, LoggedRequest};
pub use commit::messages::{
    Deliveries, Event, IngestBatch, IngestResult, NewDelivery, NewMessage, PublishKey, Start,
};
pub use commit::outcomes::{Applied, NewAttempt, Outcome, Step};
pub use commit::writer::{Writer, Written};
pub use due::claim::Claim;
pub use due::expansion::Expansion;
pub use due::job::{Job, Purpose, Restart};
pub use due::lane::{DueLane, LanesView};
pub use due::owed::{Ledger, Settled, Unaccounted};
pub use due::pending::PendingWork;
pub use engine::cipher::{Cipher, CipherError};
pub use engine::clock::{Clock, ManualClock};
pub use engine::connect::{ConnectError, ConnectOptions, SessionError};
pub use engine::entropy::{entropy, random_hex};
pub use engine::error::{Entity, Refusal, StoreError, StoreResult};
pub use engine::fail_points::{self, FAIL_POINTS};
pub use engine::news::{Change, ChangeKind};
pub use engine::page::{Cursor, Found, Order, Page, PageRequest};
pub use engine::{Engine, Store};
pub use expiry::payload_key::KeyBlock;
pub use history::attempt::{Attempt, AttemptFilter, DeliveryFilter, EXPUNGED, EndpointStats};
pub use history::inbox::{Inbox, InboxRequest, InboxUpdate, NewInbox, OpenInbox, Verification};
pub use history::message::{Message, MessageFilter};
pub use history::overview::{FailingEndpoint, MonitorFilter, MonitoredEndpoint, NodeRow, Overview};
pub use history::search::{DeliveryStatus, DeliveryStatuses, FoundMessage, MessageQuery};
pub use history::stat::{Bucket, Counts, Rollup, StatScope, StatWindow};
pub use outbox::{DeliveryEvent, OPERATIONAL_EVENTS, OperationalEvent};
pub use retention::CleanUp;
pub use stored::app::App;
pub use stored::endpoint::{Endpoint, EndpointSettings};
pub use stored::event_type::EventType;
pub use stored::secret::Secret;
pub use task::{Messages, NewTask, Preview, Progress, Replayed, Task, TaskFilter, Window, Work};
pub use tenant::app::{AppFilter, AppUpdate, NewApp};
pub use tenant::endpoint::{EndpointUpdate, NewEndpoint};
pub use tenant::environment::Import;
pub use tenant::event_type::{NewEventType, is_visible};
pub use tenant::org::Org;
pub use tenant::secret::{NewSecret, StoredSecret};

// The tests' database harness names this crate as other crates do.
#[cfg(test)]
extern crate self as postrider_store;
