//! Publishes what organisations are to hear of their own endpoints and deliveries.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use postrider_store::{ConfigCache, OperationalEvent, Store, StoreError, StoreResult};
use tokio::sync::mpsc;

use crate::commit::{Arrival, Backlog, Deadline, Ingest, Publish, PublishError};
use crate::status::StatusBoard;

/// How often events are looked for, whatever it has heard.
const ROUND: Duration = Duration::from_secs(5);
/// How long it rests when it could not.
const REST: Duration = Duration::from_secs(1);
/// Events that are published together.
const BATCH: i64 = 100;
/// For how long their payloads are kept.
const RETENTION: Duration = Duration::from_hours(30 * 24);

/// Makes messages of operational events. Each event's id is its message's event id, so
/// that one which is published again, by another node or after a crash, is refused.
pub(crate) struct Herald {
    pub(crate) store: Store,
    pub(crate) cache: ConfigCache,
    /// Not held: the pipeline ends when publishers have let go of it.
    pub(crate) queue: mpsc::WeakSender<Arrival>,
    pub(crate) backlog: Arc<Backlog>,
    pub(crate) board: Arc<StatusBoard>,
}

impl Herald {
    /// Runs until it is dropped.
    pub(crate) async fn run(self) {
        loop {
            match self.step().await {
                Ok(true) => {}
                Ok(false) => tokio::select! {
                    () = self.store.event_hint().notified() => {}
                    () = tokio::time::sleep(ROUND) => {}
                },
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "cannot publish operational events"
                    );
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Publishes the oldest events; `false` if there is nothing more to do at once.
    async fn step(&self) -> StoreResult<bool> {
        let events = self.store.operational_events(BATCH).await?;
        let Some(queue) = self.queue.upgrade().filter(|_| !events.is_empty()) else {
            return Ok(false);
        };
        let ingest = Ingest {
            queue,
            backlog: Arc::clone(&self.backlog),
            board: Arc::clone(&self.board),
        };
        let mut all = true;
        // Looked up before any is handed in, so that they are handed in in order.
        let mut messages = Vec::with_capacity(events.len());
        for event in &events {
            match self.message(event).await {
                Ok(message) => messages.push((event, message)),
                // The others go on.
                Err(error) => self.put_aside(event, &said(event, &error)).await?,
            }
        }
        let ingest = &ingest;
        let publish = |(event, message): (_, Option<Publish>)| async move {
            let published = match message {
                Some(message) => ingest
                    .publish(message, Deadline::default())
                    .await
                    .map(|_| ()),
                None => Ok(()),
            };
            (event, published)
        };
        for (event, published) in join_all(messages.into_iter().map(publish)).await {
            match published {
                Ok(()) | Err(PublishError::EventIdTaken) => {
                    self.store.operational_event_published(event.id).await?;
                }
                Err(error @ PublishError::Refused) => {
                    self.put_aside(event, &said(event, &error)).await?;
                }
                Err(PublishError::Stale) => {
                    self.cache.forget_app(event.app_id);
                    all = false;
                }
                Err(_) => all = false,
            }
        }
        Ok(all)
    }

    /// The message of an event; `None` if nobody could hear it.
    async fn message(&self, event: &OperationalEvent) -> StoreResult<Option<Publish>> {
        let app = match self.cache.app_at_least(event.app_id, 0).await {
            Ok(app) => app,
            Err(StoreError::NotFound(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(Some(Publish {
            app,
            event_type: event.event_type.clone(),
            payload: event.payload.clone(),
            event_id: Some(event.id.simple().to_string()),
            channels: None,
            tags: None,
            content_type: None,
            retention: RETENTION,
            only: None,
            idempotency: None,
        }))
    }

    /// Lets an event rest that fails by itself: it holds up no other.
    async fn put_aside(&self, event: &OperationalEvent, words: &str) -> StoreResult<()> {
        self.store
            .put_operational_event_aside(event.id, words)
            .await
    }
}

/// Says in the log, and gives, why an event was not published.
fn said(event: &OperationalEvent, error: &(dyn Error + 'static)) -> String {
    tracing::error!(event = %event.id, error, "cannot publish an operational event: it is put aside");
    error.to_string()
}
