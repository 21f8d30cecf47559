//! The receiver of all endpoints: it counts what it has answered with success, by endpoint and
//! message, and fails a share at random.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use postrider_domain::MessageId;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

use crate::bench::clock::Clock;

/// How an endpoint answers, by its path.
pub(super) const GOOD: &str = "/good";
/// One request of five fails, up to twice for a message.
pub(super) const FICKLE: &str = "/fickle";
/// Answers after 50 ms.
pub(super) const SLOW: &str = "/slow";
/// Fails while the tally says so.
pub(super) const DOWN: &str = "/down";
/// As good as any; what comes more than once was asked for.
pub(super) const REPLAYED: &str = "/replayed";
/// The beginning of the paths of a wide fan-out's endpoints.
pub(super) const WIDE: &str = "/wide/";

const SLOWNESS: Duration = Duration::from_millis(50);

/// What has come for one message at one endpoint.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    requests: u32,
    /// When it was answered with success for the first time, by the tally's clock; 0: never.
    done_at: u64,
    /// How often it came after that.
    again: u32,
}

/// Counts deliveries.
#[derive(Debug)]
pub(super) struct Tally {
    seed: u64,
    pub(super) clock: Clock,
    /// Endpoints' paths, each with what came there.
    seen: Mutex<HashMap<String, HashMap<Uuid, Seen>>>,
    /// How many of these were answered with success: it is asked for often.
    delivered: AtomicU64,
    is_down: AtomicBool,
    /// Whether every answer waits.
    is_held: watch::Sender<bool>,
    strangers: Mutex<Vec<String>>,
}

/// What the books come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Balance {
    /// Deliveries that were owed.
    pub(super) owed: u64,
    /// Those that never arrived: endpoint and message.
    pub(super) lost: Vec<String>,
    /// Receipts after the first success.
    pub(super) twice: u64,
    /// When what came again was first answered, by the tally's clock.
    pub(super) twice_from: Vec<u64>,
}

impl Tally {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            clock: Clock::start(),
            seen: Mutex::default(),
            delivered: AtomicU64::new(0),
            is_down: AtomicBool::new(false),
            is_held: watch::Sender::new(false),
            strangers: Mutex::default(),
        }
    }

    /// Whether the endpoint that can be down is.
    pub(super) fn set_down(&self, down: bool) {
        self.is_down.store(down, Ordering::Relaxed);
    }

    /// Whether every answer waits: what was sent then has no outcome, and what was not stays in
    /// the server's hand.
    pub(super) fn hold(&self, held: bool) {
        self.is_held.send_replace(held);
    }

    /// Deliveries that were answered with success so far.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Those of these messages that were not answered with success at this endpoint.
    pub(super) fn missing(&self, path: &str, messages: &[Uuid]) -> Vec<Uuid> {
        let seen = self.seen.lock();
        let of = seen.get(path);
        let is_done = |id: &Uuid| {
            of.and_then(|of| of.get(id))
                .is_some_and(|one| one.done_at > 0)
        };
        let missing = messages.iter().filter(|id| !is_done(id));
        missing.copied().collect()
    }

    /// Compares what was owed, messages by endpoint, with what came.
    pub(super) fn balance(&self, owed: &[(String, Vec<Uuid>)]) -> Balance {
        let seen = self.seen.lock();
        let nothing = HashMap::new();
        let mut balance = Balance::default();
        for (path, messages) in owed {
            let of = seen.get(path).unwrap_or(&nothing);
            for id in messages {
                balance.owed += 1;
                match of.get(id).filter(|one| one.done_at > 0) {
                    None => balance
                        .lost
                        .push(format!("{path} {}", MessageId::from_uuid(*id))),
                    Some(one) if one.again > 0 && path != REPLAYED => {
                        balance.twice += u64::from(one.again);
                        balance.twice_from.push(one.done_at);
                    }
                    Some(_) => {}
                }
            }
        }
        balance
    }

    /// Requests that are none of ours.
    pub(super) fn strangers(&self) -> Vec<String> {
        self.strangers.lock().clone()
    }

    /// Notes a request, and says with what it is answered.
    fn arrived(&self, path: &str, id: Uuid) -> StatusCode {
        let mut seen = self.seen.lock();
        let one = seen
            .entry(path.to_owned())
            .or_default()
            .entry(id)
            .or_default();
        one.requests += 1;
        let number = one.requests;
        let fails = match path {
            FICKLE => number <= 2 && draw(&(self.seed, id, number)).is_multiple_of(5),
            DOWN => self.is_down.load(Ordering::Relaxed),
            _ => false,
        };
        if fails {
            StatusCode::SERVICE_UNAVAILABLE
        } else {
            StatusCode::NO_CONTENT
        }
    }

    /// Notes that a success goes out.
    fn answered(&self, path: &str, id: Uuid) {
        let now = self.clock.nanos();
        let mut seen = self.seen.lock();
        if let Some(one) = seen.get_mut(path).and_then(|of| of.get_mut(&id)) {
            if one.done_at == 0 {
                one.done_at = now;
                self.delivered.fetch_add(1, Ordering::Relaxed);
            } else {
                one.again += 1;
            }
        }
    }

    async fn answer(&self, request: Request<Incoming>) -> hyper::Result<Response<Empty<Bytes>>> {
        let path = request.uri().path().to_owned();
        let header = request.headers().get("webhook-id");
        let id = header.and_then(|id| id.to_str().ok()?.parse::<MessageId>().ok());
        request.into_body().collect().await?;
        let status = if let Some(id) = id {
            let status = self.arrived(&path, id.uuid());
            // The sender lives as long as this, so waiting cannot fail.
            let _ = self.is_held.subscribe().wait_for(|held| !held).await;
            if path == SLOW {
                // A connection that ends meanwhile drops this: nobody was answered then.
                tokio::time::sleep(SLOWNESS).await;
            }
            if status.is_success() {
                self.answered(&path, id.uuid());
            }
            status
        } else {
            self.strangers.lock().push(path);
            StatusCode::BAD_REQUEST
        };
        let mut answer = Response::new(Empty::new());
        *answer.status_mut() = status;
        Ok(answer)
    }
}

/// A number that is always the same for the same thing.
pub(super) fn draw(thing: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    hasher.finish()
}

/// The tally's listener on a loopback port, gone when dropped.
#[derive(Debug)]
pub(super) struct Gate {
    pub(super) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Gate {
    pub(super) async fn open(tally: &Arc<Tally>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let tally = Arc::clone(tally);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(serve(stream, Arc::clone(&tally)));
            }
        });
        Ok(Self { address, task })
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, tally: Arc<Tally>) {
    let _ = stream.set_nodelay(true);
    // How the server treats its connections is its own matter.
    let _ = http1::Builder::new()
        .serve_connection(
            TokioIo::new(stream),
            service_fn(|request| tally.answer(request)),
        )
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_owed_and_did_not_come_is_lost_and_what_came_after_a_success_came_twice() {
        let tally = Tally::new(1);
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        for _ in 0..3 {
            assert_eq!(tally.arrived(GOOD, one), StatusCode::NO_CONTENT);
            tally.answered(GOOD, one);
        }
        // Taken in and never answered: it has not come.
        tally.arrived(GOOD, other);
        let owed = [(GOOD.to_owned(), vec![one, other])];
        let balance = tally.balance(&owed);
        assert_eq!((balance.owed, balance.twice), (2, 2));
        assert_eq!(balance.lost.len(), 1, "{balance:?}");
        assert_eq!(balance.twice_from.len(), 1);
        assert_eq!(tally.missing(GOOD, &[one, other]), [other]);
        assert_eq!(tally.delivered(), 1);
    }

    #[test]
    fn what_was_replayed_did_not_come_twice_and_an_endpoint_that_is_down_fails() {
        let tally = Tally::new(1);
        let id = Uuid::from_u128(1);
        for _ in 0..2 {
            tally.arrived(REPLAYED, id);
            tally.answered(REPLAYED, id);
        }
        let owed = [(REPLAYED.to_owned(), vec![id])];
        assert_eq!(tally.balance(&owed).twice, 0);
        tally.set_down(true);
        assert!(tally.arrived(DOWN, id).is_server_error());
        tally.set_down(false);
        assert!(tally.arrived(DOWN, id).is_success());
    }

    #[test]
    fn a_fickle_endpoint_fails_a_message_twice_at_most_and_alike_for_the_same_seed() {
        let run = |seed| {
            let tally = Tally::new(seed);
            let answers = (0..300).map(|n| tally.arrived(FICKLE, Uuid::from_u128(n % 100)));
            answers.collect::<Vec<_>>()
        };
        let answers = run(7);
        assert_eq!(answers, run(7));
        assert!(answers.iter().any(StatusCode::is_server_error));
        assert!(answers[200..].iter().all(StatusCode::is_success));
    }
}
