//! Who was sent when and arrived when. Publishers and the sink write here, each message at its
//! own place, so that neither waits for the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use tokio::sync::Notify;

use super::clock::Clock;

/// Bits of a message's number that count within a run; the others name the run.
const WITHIN: u32 = 40;

/// All runs of a bench: a receipt that comes long after its run still counts as a duplicate.
#[derive(Debug)]
pub(super) struct Board {
    pub(super) clock: Clock,
    runs: RwLock<Vec<Arc<Run>>>,
    strangers: AtomicU64,
}

impl Board {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::start(),
            runs: RwLock::default(),
            strangers: AtomicU64::new(0),
        }
    }

    /// A run of `size` messages that must each arrive exactly once.
    pub(super) fn run(&self, name: &str, size: u64) -> Arc<Run> {
        self.add(name, size, true)
    }

    /// A run of `size` messages that go where nobody counts them.
    pub(super) fn run_unreceived(&self, name: &str, size: u64) -> Arc<Run> {
        self.add(name, size, false)
    }

    fn add(&self, name: &str, size: u64, expected: bool) -> Arc<Run> {
        let mut runs = self.runs.write();
        let run = Arc::new(Run::new(
            name,
            runs.len() as u64,
            size,
            expected,
            self.clock,
        ));
        runs.push(Arc::clone(&run));
        run
    }

    /// Notes that message `number` arrived.
    pub(super) fn arrived(&self, number: Option<u64>) {
        let runs = self.runs.read();
        let known = number.is_some_and(|number| {
            let run = runs.get((number >> WITHIN) as usize);
            run.is_some_and(|run| run.arrived(number))
        });
        if !known {
            self.strangers.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What went wrong in any of the runs, a line each.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults: Vec<_> = self
            .runs
            .read()
            .iter()
            .flat_map(|run| run.faults())
            .collect();
        match self.strangers.load(Ordering::Relaxed) {
            0 => {}
            count => faults.push(format!(
                "the sink got {count} requests that nobody published"
            )),
        }
        faults
    }
}

/// One load: which messages are sent, and what became of them.
#[derive(Debug)]
pub(super) struct Run {
    name: String,
    id: u64,
    expected: bool,
    clock: Clock,
    next: AtomicU64,
    sent: Box<[AtomicU64]>,
    arrived: Box<[AtomicU64]>,
    received: AtomicU64,
    duplicates: AtomicU64,
    refused: AtomicU64,
    first_refusal: Mutex<Option<String>>,
    complete: Notify,
}

impl Run {
    fn new(name: &str, id: u64, size: u64, expected: bool, clock: Clock) -> Self {
        let zeros = || (0..size).map(|_| AtomicU64::new(0)).collect();
        Self {
            name: name.to_owned(),
            id,
            expected,
            clock,
            next: AtomicU64::new(0),
            sent: zeros(),
            arrived: zeros(),
            received: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            first_refusal: Mutex::default(),
            complete: Notify::new(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.sent.len() as u64
    }

    /// Takes the next message that nobody has taken: its place in the run.
    pub(super) fn take(&self) -> Option<u64> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        (index < self.size()).then_some(index)
    }

    /// The number that message `index` carries.
    pub(super) fn number(&self, index: u64) -> u64 {
        self.id << WITHIN | index
    }

    /// Notes that message `index` is being sent, at `nanos`.
    pub(super) fn sent(&self, index: u64, nanos: u64) {
        if let Some(place) = self.sent.get(index as usize) {
            place.store(nanos, Ordering::Relaxed);
        }
    }

    /// Notes an answer to a publish that is not 2xx.
    pub(super) fn refused(&self, status: u16, body: &[u8]) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.first_refusal
            .lock()
            .get_or_insert_with(|| format!("{status} {}", String::from_utf8_lossy(body)));
    }

    /// False when the number is none of this run.
    fn arrived(&self, number: u64) -> bool {
        let index = number & ((1 << WITHIN) - 1);
        let Some(place) = self.arrived.get(index as usize) else {
            return false;
        };
        let now = self.clock.nanos();
        if place
            .compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_err()
        {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
        } else if self.received.fetch_add(1, Ordering::Relaxed) + 1 == self.size() {
            self.complete.notify_one();
        }
        true
    }

    /// Messages that have arrived so far.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// Returns once every message has arrived. For one caller.
    pub(super) async fn complete(&self) {
        if self.received() < self.size() {
            self.complete.notified().await;
        }
    }

    /// Nanoseconds from the first publish to the last receipt.
    pub(super) fn elapsed(&self) -> u64 {
        let load = |place: &AtomicU64| place.load(Ordering::Relaxed);
        let first = self.sent.iter().map(load).filter(|at| *at > 0).min();
        let last = self.arrived.iter().map(load).max();
        last.unwrap_or(0).saturating_sub(first.unwrap_or(0))
    }

    /// Nanoseconds from publish to receipt, one per message that arrived.
    pub(super) fn latencies(&self) -> Vec<u64> {
        let load = |place: &AtomicU64| place.load(Ordering::Relaxed);
        let pairs = self
            .sent
            .iter()
            .map(load)
            .zip(self.arrived.iter().map(load));
        pairs
            .filter(|(sent, arrived)| *sent > 0 && *arrived > 0)
            .map(|(sent, arrived)| arrived.saturating_sub(sent))
            .collect()
    }

    /// What went wrong, a line each.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let refused = self.refused.load(Ordering::Relaxed);
        let lost = self.size().saturating_sub(self.received() + refused);
        if refused > 0 {
            let first = self.first_refusal.lock().clone().unwrap_or_default();
            faults.push(format!(
                "{}: {refused} publishes refused, first: {first}",
                self.name
            ));
        }
        if self.expected && lost > 0 {
            faults.push(format!("{}: {lost} of {} lost", self.name, self.size()));
        }
        match self.duplicates.load(Ordering::Relaxed) {
            0 => {}
            count => faults.push(format!("{}: {count} duplicates", self.name)),
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lost_duplicate_refused_and_unknown_messages_are_told() {
        let board = Board::new();
        let first = board.run("one", 3);
        let second = board.run("two", 1);
        for run in [&first, &second] {
            while let Some(index) = run.take() {
                run.sent(index, board.clock.nanos());
            }
        }
        assert_eq!(board.faults(), ["one: 3 of 3 lost", "two: 1 of 1 lost"]);
        for number in [first.number(0), second.number(0), first.number(1)] {
            board.arrived(Some(number));
        }
        assert_eq!(board.faults(), ["one: 1 of 3 lost"]);
        first.refused(503, b"{}");
        board.arrived(Some(second.number(0)));
        board.arrived(Some(first.number(9)));
        board.arrived(None);
        assert_eq!(
            board.faults(),
            [
                "one: 1 publishes refused, first: 503 {}",
                "two: 1 duplicates",
                "the sink got 2 requests that nobody published",
            ]
        );
        assert_eq!(first.latencies().len(), 2);
    }

    #[test]
    fn what_nobody_counts_is_not_lost() {
        let board = Board::new();
        board.run_unreceived("hanging", 5);
        assert_eq!(board.faults(), Vec::<String>::new());
    }
}
