//! Receivers: they record what arrives and answer by script, honestly or not.

mod answer;
mod connection;
mod nobody;
mod request;

use std::collections::HashSet;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use answer::{Answer, Gate};
pub use nobody::Nobody;
pub use request::Request;

use crate::PATIENCE;

/// Picks the answer to a request, given how many came before it.
type Script = Box<dyn FnMut(&Request, usize) -> Answer + Send>;

/// An HTTP receiver on a free port of 127.0.0.1, gone when dropped.
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    requests: Mutex<Vec<Request>>,
    count: watch::Sender<usize>,
    script: Mutex<Script>,
    busy: Mutex<Busy>,
    bytes_sent: AtomicU64,
}

#[derive(Default)]
struct Busy {
    now: usize,
    most: usize,
}

/// Counts a request as under way until dropped.
struct BusyGuard<'a>(&'a Shared);

impl Drop for BusyGuard<'_> {
    fn drop(&mut self) {
        self.0.busy.lock().now -= 1;
    }
}

impl Shared {
    fn busy(&self) -> BusyGuard<'_> {
        let mut busy = self.busy.lock();
        busy.now += 1;
        busy.most = busy.most.max(busy.now);
        drop(busy);
        BusyGuard(self)
    }

    fn record(&self, request: Request) -> Answer {
        let mut requests = self.requests.lock();
        let answer = (self.script.lock())(&request, requests.len());
        requests.push(request);
        self.count.send_replace(requests.len());
        answer
    }
}

impl Receiver {
    /// Answers 204 to everything.
    pub async fn start() -> Self {
        Self::always(Answer::status(204)).await
    }

    /// Gives the same answer to everything.
    pub async fn always(answer: Answer) -> Self {
        Self::scripted(move |_, _| answer.clone()).await
    }

    /// Gives these answers in turn, the last one from then on.
    pub async fn in_turn(answers: impl IntoIterator<Item = Answer>) -> Self {
        let answers: Vec<Answer> = answers.into_iter().collect();
        let last = answers.last().expect("at least one answer").clone();
        Self::scripted(move |_, before| answers.get(before).unwrap_or(&last).clone()).await
    }

    /// Answers as `script` says, which gets the request and how many came before it.
    pub async fn scripted(script: impl FnMut(&Request, usize) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0))
            .await
            .expect("a free port is found");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            requests: Mutex::default(),
            count: watch::Sender::new(0),
            script: Mutex::new(Box::new(script)),
            busy: Mutex::default(),
            bytes_sent: AtomicU64::new(0),
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self {
            address,
            shared,
            task,
        }
    }

    /// Answers everything in this way from now on.
    pub fn now_answer(&self, answer: Answer) {
        *self.shared.script.lock() = Box::new(move |_, _| answer.clone());
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// An endpoint URL of it.
    pub fn url(&self) -> String {
        self.url_of("/hook")
    }

    /// The URL of a path on it.
    pub fn url_of(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// What has arrived so far, in order.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().clone()
    }

    /// How much has arrived so far.
    pub fn count(&self) -> usize {
        *self.shared.count.borrow()
    }

    /// The ids of the messages that have arrived so far.
    pub fn message_ids(&self) -> HashSet<String> {
        let requests = self.shared.requests.lock();
        requests
            .iter()
            .map(|request| request.message_id().to_owned())
            .collect()
    }

    /// The most requests that were under way at one moment.
    pub fn most_in_flight(&self) -> usize {
        self.shared.busy.lock().most
    }

    /// Requests under way now: read and not yet answered.
    pub fn in_flight(&self) -> usize {
        self.shared.busy.lock().now
    }

    /// Bytes of endless answers that the other side took.
    pub fn endless_bytes_sent(&self) -> u64 {
        self.shared.bytes_sent.load(Relaxed)
    }

    /// Waits until `count` requests have arrived and gives all that are there.
    pub async fn received(&self, count: usize) -> Vec<Request> {
        self.received_until(&format!("{count} requests"), |all| all.len() >= count)
            .await
    }

    /// Waits for the first request.
    pub async fn first(&self) -> Request {
        self.received(1).await.swap_remove(0)
    }

    /// Waits until what has arrived fulfils `enough`, and gives it.
    pub async fn received_until(
        &self,
        what: &str,
        enough: impl Fn(&[Request]) -> bool,
    ) -> Vec<Request> {
        let mut count = self.shared.count.subscribe();
        let wait = async {
            loop {
                count.borrow_and_update();
                if enough(&self.shared.requests.lock()) {
                    return;
                }
                // The sender lives as long as this receiver.
                let _ = count.changed().await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, wait).await.is_ok(),
            "waited {PATIENCE:?} for {what}; {self:?}"
        );
        self.requests()
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let requests = self.shared.requests.lock();
        write!(
            out,
            "receiver {} got {} requests",
            self.address,
            requests.len()
        )?;
        for request in requests.iter().take(20) {
            let id = request.header("webhook-id").unwrap_or("no id");
            let attempt = request.header("webhook-attempt").unwrap_or("?");
            write!(
                out,
                "\n  {} {} {id} attempt {attempt}",
                request.method, request.path
            )?;
        }
        Ok(())
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Dropping the set with the task closes the connections too.
    let mut connections = tokio::task::JoinSet::new();
    let mut number = 0;
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection::serve(stream, number, shared.clone()));
        number += 1;
        while connections.try_join_next().is_some() {}
    }
}
