//! All of Postrider's SQL, on SQLite and on PostgreSQL behind one type.
//!
//! **Invariants.** Only this crate names sqlx. Nothing here knows HTTP, lanes or
//! receivers. One SQL text serves both engines (sqlx takes `$1` on both); only
//! the bulk statements of the hot path have two bodies.

#[cfg(test)]
#[macro_use]
#[path = "../tests/support/mod.rs"]
mod support;
#[macro_use]
mod db;
#[macro_use]
mod change;
mod answer_key;
mod app;
mod attempt;
pub mod backup;
mod cancel;
mod catalogue;
mod checkpoint;
mod cipher;
mod claim;
mod clock;
mod config;
mod connect;
mod console;
mod endpoint;
mod environment;
mod error;
mod event_type;
mod expansion;
pub mod fail_points;
mod feed;
mod health;
mod inbox;
mod ingest;
mod journal;
mod jwt;
mod key;
mod lane;
mod message;
mod migrate;
mod node;
mod nodelay;
mod operational;
mod org;
mod outcome;
mod overview;
mod owed;
mod page;
mod partition;
mod payload_key;
mod pending;
#[cfg(test)]
mod plans;
mod put_aside;
mod resend;
mod retention;
mod row;
mod script;
mod search;
mod secret;
mod sql;
mod stat;
mod take_over;
mod task;
mod token;
mod transaction;

pub use answer_key::Begin;
pub use app::{App, AppFilter, AppUpdate, NewApp};
pub use attempt::{Attempt, AttemptFilter, DeliveryFilter, EXPUNGED, EndpointStats};
pub use catalogue::{EventTypeConfig, OrgConfig};
pub use change::{Change, ChangeKind};
pub use cipher::{Cipher, CipherError};
pub use claim::{Claim, ClaimKind, Claimed, Restart};
pub use clock::{Clock, ManualClock};
pub use config::{AppConfig, ConfigCache, EndpointConfig, EndpointSecret};
pub use connect::{ConnectError, ConnectOptions, SessionError};
pub use console::{ConsoleSession, SESSION_PREFIX};
pub use db::{Engine, Store};
pub use endpoint::{Endpoint, EndpointSettings, EndpointUpdate, NewEndpoint};
pub use environment::Import;
pub use error::{StoreError, StoreResult};
pub use event_type::{EventType, NewEventType, is_visible};
pub use expansion::Expansion;
pub use fail_points::FAIL_POINTS;
pub use inbox::{Inbox, InboxRequest, InboxUpdate, NewInbox, OpenInbox, Verification};
pub use ingest::{
    Deliveries, Fate, IngestBatch, NewDelivery, NewMessage, PublishKey, Start, Writer, Written,
};
pub use journal::{Happened, HappenedAttempt, HappenedMessage, HappenedRequest};
pub use jwt::jwt_id;
pub use key::{ApiKey, KEY_PREFIX, KeySecret, NewKey};
pub use lane::{DueLane, LanesView};
pub use message::{Message, MessageFilter};
pub use operational::{DeliveryEvent, OPERATIONAL_EVENTS, OperationalEvent};
pub use org::Org;
pub use outcome::{Applied, NewAttempt, Outcome, Step};
pub use overview::{FailingEndpoint, MonitoredEndpoint, NodeRow, Overview};
pub use owed::{Ledger, Settled, Unaccounted};
pub use page::{Cursor, Found, Order, Page, PageRequest};
pub use payload_key::KeyBlock;
pub use search::{FoundMessage, MessageQuery, Standing, Standings};
pub use secret::{NewSecret, Secret, StoredSecret};
pub use stat::{Bucket, Counts, StatScope, StatWindow};
pub use task::{Messages, NewTask, Preview, Progress, Replayed, Task, TaskFilter, Window, Work};
pub use token::{AppToken, NewAppToken, PortalAccess, TOKEN_PREFIX};

// The tests' database harness names this crate as other crates do.
#[cfg(test)]
extern crate self as postrider_store;
