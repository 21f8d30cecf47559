//! Publishers with books: each event under a key of its own, repeated until it is
//! acknowledged, whatever happens to the server meanwhile.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::Full;
use parking_lot::{Mutex, RwLock};
use postrider_domain::MessageId;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::tally::draw;
use crate::bench::clock::now;
use crate::bench::connection::{Answer, Connection};

/// Publishers at once.
const PUBLISHERS: u64 = 32;
/// How far a publisher that was held up tries to catch up.
const BEHIND: Duration = Duration::from_secs(1);
/// One step of so many is a batch, and one of so many repeats a key that was acknowledged.
const BATCHES: u64 = 20;
const REPEATS: u64 = 50;
/// Messages of a batch.
const BATCH: usize = 10;
/// For one answer, and before a publish is tried again.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);
/// How long an event that is still unanswered at the end is tried on.
const LAST_TRIES: Duration = Duration::from_mins(2);

/// Where the servers are; it changes when one starts.
#[derive(Debug, Default)]
pub(super) struct Doors(RwLock<Vec<SocketAddr>>);

impl Doors {
    pub(super) fn open(&self, addresses: &[SocketAddr]) {
        *self.0.write() = addresses.to_vec();
    }

    fn pick(&self, number: u64) -> Option<SocketAddr> {
        let doors = self.0.read();
        let count = doors.len().max(1) as u64;
        doors.get((number % count) as usize).copied()
    }
}

/// What one request publishes.
#[derive(Clone, Debug)]
struct Step {
    number: u64,
    app: String,
    event_type: &'static str,
    count: usize,
}

/// A publish that may be repeated.
#[derive(Debug)]
pub(super) struct Unanswered(Step);

/// What is known of all publishes.
#[derive(Debug)]
pub(super) struct Books {
    seed: u64,
    key: String,
    app: String,
    pub(super) doors: Doors,
    /// By the step's number: what was acknowledged, and in which application.
    acknowledged: Mutex<BTreeMap<u64, (Step, Vec<Uuid>)>>,
    /// Messages of these: it is asked for often.
    count: AtomicU64,
    faults: Mutex<Vec<String>>,
    /// Answers that were not 202, and answers that never came.
    refused: AtomicU64,
    next: AtomicU64,
    closing: AtomicBool,
}

impl Books {
    pub(super) fn new(seed: u64, key: &str, app: &str) -> Arc<Self> {
        Arc::new(Self {
            seed,
            key: key.to_owned(),
            app: app.to_owned(),
            doors: Doors::default(),
            acknowledged: Mutex::default(),
            count: AtomicU64::new(0),
            faults: Mutex::default(),
            refused: AtomicU64::new(0),
            next: AtomicU64::new(0),
            closing: AtomicBool::new(false),
        })
    }

    /// Messages that were acknowledged so far.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// The messages of an application that were acknowledged.
    pub(super) fn ids(&self, app: &str) -> Vec<Uuid> {
        let acknowledged = self.acknowledged.lock();
        let of_app = acknowledged.values().filter(|(step, _)| step.app == app);
        of_app.flat_map(|(_, ids)| ids.iter().copied()).collect()
    }

    /// What went wrong: one event under two ids, an answer that must not be.
    pub(super) fn faults(&self) -> Vec<String> {
        self.faults.lock().clone()
    }

    fn fault(&self, text: String) {
        self.faults.lock().push(text);
    }

    /// Publishes one message of a type of its own, and gives its id.
    pub(super) async fn publish(&self, app: &str, event_type: &'static str) -> Option<Uuid> {
        let step = Step {
            number: self.next.fetch_add(1, Relaxed),
            app: app.to_owned(),
            event_type,
            count: 1,
        };
        let ids = self.insist(&mut None, &step).await?;
        let first = ids.first().copied();
        self.enter(step, &ids);
        first
    }

    /// Publishes one message once, under a key that [`Self::repeat`] takes up: whether it was
    /// acknowledged.
    pub(super) async fn try_once(&self, app: &str) -> (Unanswered, bool) {
        let step = Step {
            number: self.next.fetch_add(1, Relaxed),
            app: app.to_owned(),
            event_type: "crash.once",
            count: 1,
        };
        let ids = self.attempt(&mut None, &step).await;
        let acknowledged = ids.is_some();
        if let Some(ids) = ids {
            self.enter(step.clone(), &ids);
        }
        (Unanswered(step), acknowledged)
    }

    /// Publishes it again, under the same key, until it is acknowledged.
    pub(super) async fn repeat(&self, unanswered: Unanswered) -> Option<Uuid> {
        let ids = self.insist(&mut None, &unanswered.0).await?;
        let first = ids.first().copied();
        self.enter(unanswered.0, &ids);
        first
    }

    fn enter(&self, step: Step, ids: &[Uuid]) {
        let mut acknowledged = self.acknowledged.lock();
        let number = step.number;
        let entry = acknowledged.entry(number).or_insert_with(|| {
            self.count.fetch_add(ids.len() as u64, Relaxed);
            (step, ids.to_vec())
        });
        if entry.1 != ids {
            let (before, wrong) = (text(&entry.1), text(ids));
            drop(acknowledged);
            self.fault(format!("key {number} gave {before}, then {wrong}"));
        }
    }

    fn next_step(&self) -> Step {
        let number = self.next.fetch_add(1, Relaxed);
        let again = draw(&(self.seed, "again", number));
        if again.is_multiple_of(REPEATS) {
            let acknowledged = self.acknowledged.lock();
            let earlier = acknowledged.range(..=again % number.max(1)).next_back();
            if let Some((_, (step, _))) = earlier {
                return step.clone();
            }
        }
        let is_batch = draw(&(self.seed, "batch", number)).is_multiple_of(BATCHES);
        Step {
            number,
            app: self.app.clone(),
            event_type: "crash.test",
            count: if is_batch { BATCH } else { 1 },
        }
    }

    /// Publishes until it is acknowledged.
    async fn insist(
        &self,
        connection: &mut Option<(SocketAddr, Connection)>,
        step: &Step,
    ) -> Option<Vec<Uuid>> {
        let mut last_tries = None;
        loop {
            if let Some(ids) = self.attempt(connection, step).await {
                return Some(ids);
            }
            self.refused.fetch_add(1, Relaxed);
            *connection = None;
            if self.closing.load(Relaxed) {
                let until = *last_tries.get_or_insert_with(|| now() + LAST_TRIES);
                if now() > until {
                    self.fault(format!("key {} was never acknowledged", step.number));
                    return None;
                }
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        connection: &mut Option<(SocketAddr, Connection)>,
        step: &Step,
    ) -> Option<Vec<Uuid>> {
        let door = self.doors.pick(step.number)?;
        if connection.as_ref().is_some_and(|(there, _)| *there != door) {
            *connection = None;
        }
        if connection.is_none() {
            let opened = timeout(PATIENCE, Connection::open(door)).await.ok()?.ok()?;
            *connection = Some((door, opened));
        }
        let (_, open) = connection.as_mut()?;
        let request = self.request(door, step).ok()?;
        let answer = timeout(PATIENCE, open.exchange(request)).await.ok()?.ok()?;
        self.read(step, &answer)
    }

    /// The ids, if all was acknowledged. What a careful client must not see is a fault.
    fn read(&self, step: &Step, answer: &Answer) -> Option<Vec<Uuid>> {
        if answer.status != StatusCode::ACCEPTED {
            let passing = answer.status == StatusCode::TOO_MANY_REQUESTS
                || answer.status == StatusCode::SERVICE_UNAVAILABLE;
            if !passing {
                let body = String::from_utf8_lossy(&answer.body);
                self.fault(format!("{} for a publish: {body}", answer.status));
            }
            return None;
        }
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        let id = |message: &Value| {
            let id = message.get("id")?.as_str()?.parse::<MessageId>().ok()?;
            Some(id.uuid())
        };
        let ids: Option<Vec<Uuid>> = match body.get("data").and_then(Value::as_array) {
            Some(entries) => entries
                .iter()
                .map(|entry| id(entry.get("message")?))
                .collect(),
            None => id(&body).map(|id| vec![id]),
        };
        ids.filter(|ids| ids.len() == step.count)
    }

    fn request(
        &self,
        door: SocketAddr,
        step: &Step,
    ) -> Result<Request<Full<bytes::Bytes>>, http::Error> {
        let message = |place: usize| json!({ "eventType": step.event_type, "payload": { "number": step.number, "place": place } });
        let (path, body) = if step.count == 1 {
            ("", message(0))
        } else {
            let messages: Vec<Value> = (0..step.count).map(message).collect();
            ("/batch", json!({ "messages": messages }))
        };
        Request::post(format!("/api/v1/app/{}/msg{path}", step.app))
            .header(HOST, door.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.key))
            .header(CONTENT_TYPE, "application/json")
            .header("idempotency-key", format!("crash-{}", step.number))
            .body(Full::from(body.to_string()))
    }
}

fn text(ids: &[Uuid]) -> String {
    let ids = ids.iter().map(|id| MessageId::from_uuid(*id).to_string());
    ids.collect::<Vec<_>>().join(" ")
}

/// Publishers at work.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) books: Arc<Books>,
    publishers: JoinSet<()>,
}

impl Ledger {
    /// Starts publishing, `rate` messages a second in all while the server answers.
    pub(super) fn open(books: &Arc<Books>, rate: u32) -> Self {
        books.closing.store(false, Relaxed);
        let mut publishers = JoinSet::new();
        for _ in 0..PUBLISHERS {
            publishers.spawn(publish(Arc::clone(books), rate));
        }
        Self {
            books: Arc::clone(books),
            publishers,
        }
    }

    /// Publishes no more, once all that was begun is acknowledged.
    ///
    /// # Errors
    /// A publisher that panicked.
    pub(super) async fn close(mut self) -> io::Result<()> {
        self.books.closing.store(true, Relaxed);
        while let Some(ended) = self.publishers.join_next().await {
            ended.map_err(io::Error::other)?;
        }
        Ok(())
    }
}

async fn publish(books: Arc<Books>, rate: u32) {
    let interval = Duration::from_secs(PUBLISHERS) / rate.max(1);
    let mut connection = None;
    let mut turn = now();
    while !books.closing.load(Relaxed) {
        let step = books.next_step();
        let share = interval * u32::try_from(step.count).unwrap_or(1);
        if let Some(ids) = books.insist(&mut connection, &step).await {
            books.enter(step, &ids);
        }
        turn += share;
        let at = now();
        turn = at
            .checked_sub(BEHIND)
            .map_or(turn, |earliest| turn.max(earliest));
        sleep(turn.saturating_duration_since(at)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: StatusCode, body: &str) -> Answer {
        Answer {
            status,
            body: bytes::Bytes::from(body.to_owned()),
        }
    }

    fn step(count: usize) -> Step {
        Step {
            number: 1,
            app: "app_1".to_owned(),
            event_type: "crash.test",
            count,
        }
    }

    #[test]
    fn only_a_whole_batch_is_acknowledged_and_odd_answers_are_faults() {
        let books = Books::new(1, "key", "app_1");
        let id = MessageId::from_uuid(Uuid::from_u128(5));
        let one = format!(r#"{{"id":"{id}"}}"#);
        let accepted = StatusCode::ACCEPTED;
        assert_eq!(
            books.read(&step(1), &answer(accepted, &one)),
            Some(vec![id.uuid()])
        );
        let whole = format!(r#"{{"data":[{{"status":202,"message":{one}}}]}}"#);
        assert_eq!(
            books.read(&step(1), &answer(accepted, &whole)),
            Some(vec![id.uuid()])
        );
        let part = format!(r#"{{"data":[{{"status":202,"message":{one}}},{{"status":503}}]}}"#);
        assert_eq!(books.read(&step(2), &answer(accepted, &part)), None);
        let busy = answer(StatusCode::SERVICE_UNAVAILABLE, "{}");
        assert_eq!(books.read(&step(1), &busy), None);
        assert_eq!(books.faults().len(), 0);
        let broken = answer(StatusCode::INTERNAL_SERVER_ERROR, "{}");
        assert_eq!(books.read(&step(1), &broken), None);
        assert_eq!(books.faults().len(), 1);
    }

    #[test]
    fn an_event_under_two_ids_is_a_fault() {
        let books = Books::new(1, "key", "app_1");
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        books.enter(step(1), &[one]);
        books.enter(step(1), &[one]);
        assert_eq!((books.count(), books.faults().len()), (1, 0));
        books.enter(step(1), &[other]);
        assert_eq!(books.faults().len(), 1);
        assert_eq!(books.ids("app_1"), [one]);
    }
}
