//! Publishes what organisations are to hear of their own endpoints and deliveries.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use postrider_store::{Event, OperationalEvent, StoreError, StoreResult};
use tokio::sync::{Notify, mpsc};

use super::{Next, Service};
use crate::commit::{Arrival, Backlog, Deadline, Ingest, Publish, PublishError};
use crate::node::Node;

/// How often events are looked for, whatever it has heard.
const ROUND: Duration = Duration::from_secs(5);
/// Events that are published together.
const BATCH: i64 = 100;
/// For how long their payloads are kept.
const RETENTION: Duration = Duration::from_hours(30 * 24);

/// Makes messages of operational events. Each event's id is its message's event id, so
/// that one which is published again, by another node or after a crash, is refused.
pub(crate) struct OutboxPublisher {
    /// Not held: the pipeline ends when publishers have let go of it.
    pub(crate) queue: mpsc::WeakSender<Arrival>,
    pub(crate) backlog: Arc<Backlog>,
}

impl Service for OutboxPublisher {
    const NAME: &'static str = "outbox_publisher";

    async fn step(&mut self, node: &Node) -> StoreResult<Next> {
        let more = self.publish(node).await?;
        Ok(if more { Next::Now } else { Next::Within(ROUND) })
    }

    fn hint(node: &Node) -> Option<&Notify> {
        Some(node.store.event_hint())
    }
}

impl OutboxPublisher {
    /// Publishes the oldest events; `false` if there is nothing more to do at once.
    async fn publish(&self, node: &Node) -> StoreResult<bool> {
        let events = node.store.operational_events(BATCH).await?;
        let Some(queue) = self.queue.upgrade().filter(|_| !events.is_empty()) else {
            return Ok(false);
        };
        let ingest = Ingest {
            queue,
            backlog: Arc::clone(&self.backlog),
            board: Arc::clone(&node.board),
        };
        let mut all = true;
        // Looked up before any is handed in, so that they are handed in in order.
        let mut messages = Vec::with_capacity(events.len());
        for event in &events {
            match message(node, event).await {
                Ok(message) => messages.push((event, message)),
                // The others go on.
                Err(error) => put_aside(node, event, &said(event, &error)).await?,
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
                    node.store.operational_event_published(event.id).await?;
                }
                Err(error @ PublishError::Refused) => {
                    put_aside(node, event, &said(event, &error)).await?;
                }
                Err(PublishError::Stale) => {
                    node.cache.forget_app(event.app_id);
                    all = false;
                }
                Err(_) => all = false,
            }
        }
        Ok(all)
    }
}

/// The message of an event; `None` if nobody could hear it.
async fn message(node: &Node, event: &OperationalEvent) -> StoreResult<Option<Publish>> {
    let app = match node.cache.app_at_least(event.app_id, 0).await {
        Ok(app) => app,
        Err(StoreError::NotFound(_)) => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Publish {
        app,
        event: Arc::new(Event {
            event_type: Arc::from(event.event_type.as_str()),
            payload: event.payload.clone(),
            event_id: Some(event.id.simple().to_string()),
            ..Event::default()
        }),
        retention: RETENTION,
        only: None,
        key: None,
    }))
}

/// Lets an event rest that fails by itself: it holds up no other.
async fn put_aside(node: &Node, event: &OperationalEvent, words: &str) -> StoreResult<()> {
    node.store
        .put_operational_event_aside(event.id, words)
        .await
}

/// Says in the log, and gives, why an event was not published.
fn said(event: &OperationalEvent, error: &(dyn Error + 'static)) -> String {
    tracing::error!(event = %event.id, error, "cannot publish an operational event: it is put aside");
    error.to_string()
}
