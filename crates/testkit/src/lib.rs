//! What Postrider's tests share: a database of its own for each test on either
//! engine, receivers that answer anything, slowly, never or not at all, the app
//! in-process on a clock that the test moves, the real binary, and a thin client of
//! the API.
//!
//! **Invariants.** Nothing here is published or linked into the server. Tests wait
//! for what they expect to happen, with a generous limit, never for a fixed time.
//! What fails says what was expected, what was there, and what the server logged.
//!
//! ```no_run
//! use postrider_testkit::{Engine, Receiver, Server, on_both_engines};
//!
//! on_both_engines! {
//!     async fn an_event_arrives(engine: Engine) {
//!         let receiver = Receiver::start().await;
//!         let server = Server::start(engine).await;
//!         let app = server.client().app().await;
//!         app.endpoint(&receiver.url()).create().await;
//!         app.publish("user.created", r#"{"id":1}"#).accepted().await;
//!         receiver.received(1).await;
//!     }
//! }
//! ```

#[cfg(feature = "in-process")]
mod app;
mod client;
mod clock;
mod db;
mod http_client;
mod lock;
mod receiver;
mod run;
mod server;
mod small_disk;
mod target;

#[cfg(feature = "in-process")]
pub use app::TestApp;
pub use client::{App, Client, Endpoint, EndpointDraft, Event, Events, MessageDraft, Reply};
pub use clock::{days_ago, unix_seconds};
pub use db::{PostgresServer, SmallDisks, Stop, TestDatabase};
pub use http_client::http_client;
pub use lock::{FolderLock, once_per_fingerprint};
pub use postrider_store::Engine;
pub use receiver::{Answer, Gate, Nobody, Receiver, Request};
pub use run::{PATIENCE, eventually, run};
pub use server::{Server, ServerBuilder};
pub use small_disk::SmallDisk;
pub use target::{binary, target_dir};
