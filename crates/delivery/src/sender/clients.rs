//! A client, and so a pool of connections, for each endpoint and version of its
//! configuration: a change of the endpoint leaves its old connections behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use http::HeaderValue;
use parking_lot::RwLock;
use postrider_domain::EndpointId;
use reqwest::Client;
use rustls::ClientConfig;

use crate::guard::GuardedResolver;

/// Shorter than the 60 s after which many servers and balancers hang up: a
/// connection closed while a delivery is on its way costs that delivery an attempt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);
/// The longest deadline of a send: also bounds a connection attempt that the pool
/// goes on with after its send is over.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// The most bytes of header fields that an HTTP/2 connection takes (RFC 9113, section
/// 6.5.2; HTTP/1 stops near 400 KiB). Well above what we accept, so that an answer in
/// between is called oversized and not a broken stream.
const HEADER_LIST: u32 = 256 * 1024;
/// What an HTTP/2 receiver may send unread, per answer and per connection.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// A silent HTTP/2 connection with requests under way is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Settings {
    pub(super) tls: ClientConfig,
    pub(super) resolver: Arc<GuardedResolver>,
    pub(super) user_agent: HeaderValue,
    pub(super) max_clients: usize,
    /// Idle connections of one client.
    pub(super) max_idle: usize,
    /// Idle connections of all clients together.
    pub(super) max_idle_in_all: usize,
}

struct Entry {
    version: i64,
    client: Client,
    used: AtomicU64,
    /// Sends under way.
    sends: AtomicUsize,
    /// The most sends that were ever under way at once: no more connections can be idle.
    /// [`LEFT`] once it counts no more.
    peak: AtomicUsize,
}

/// The peak of an entry that has left.
const LEFT: usize = usize::MAX;

/// A client while a send uses it.
pub(super) struct InUse {
    client: Client,
    entry: Option<Arc<Entry>>,
}

impl std::ops::Deref for InUse {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(entry) = &self.entry {
            entry.sends.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The clients at hand, the least recently used leaving first.
pub(super) struct Clients {
    settings: Settings,
    entries: RwLock<HashMap<EndpointId, Arc<Entry>>>,
    clock: AtomicU64,
    /// The peaks of all entries together.
    peaks: AtomicUsize,
}

impl Clients {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            entries: RwLock::default(),
            clock: AtomicU64::new(0),
            peaks: AtomicUsize::new(0),
        }
    }

    /// The client of the endpoint in this version. A newer version replaces an older
    /// one; a straggler with an older one gets a client that keeps no connection.
    pub(super) fn get(&self, endpoint: EndpointId, version: i64) -> reqwest::Result<InUse> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        let known = self.entries.read().get(&endpoint).cloned();
        let entry = match known {
            Some(entry) if entry.version == version => {
                entry.used.store(used, Ordering::Relaxed);
                entry
            }
            Some(entry) if entry.version > version => return self.once(),
            _ => match self.replace(endpoint, version, used)? {
                Some(entry) => entry,
                None => return self.once(),
            },
        };
        Ok(self.begin(endpoint, entry))
    }

    /// A client that keeps no connection.
    fn once(&self) -> reqwest::Result<InUse> {
        let client = self.build(0)?;
        Ok(InUse {
            client,
            entry: None,
        })
    }

    /// Counts a send, and makes room if more connections than ever can now stay idle.
    fn begin(&self, endpoint: EndpointId, entry: Arc<Entry>) -> InUse {
        let sends = entry.sends.fetch_add(1, Ordering::Relaxed) + 1;
        let idle = sends.min(self.settings.max_idle);
        if idle > entry.peak.load(Ordering::Relaxed) {
            let before = entry.peak.fetch_max(idle, Ordering::Relaxed);
            if idle > before {
                let peaks = self.peaks.fetch_add(idle - before, Ordering::Relaxed);
                if peaks + idle - before > self.settings.max_idle_in_all {
                    self.make_room(endpoint);
                }
            }
        }
        InUse {
            client: entry.client.clone(),
            entry: Some(entry),
        }
    }

    /// Lets the least recently used clients go until the rest keeps within the bound;
    /// `but` stays.
    #[cold]
    fn make_room(&self, but: EndpointId) {
        let mut leaving = Vec::new();
        let mut entries = self.entries.write();
        while self.peaks.load(Ordering::Relaxed) > self.settings.max_idle_in_all {
            let Some(entry) = evict(&mut entries, Some(but)) else {
                break;
            };
            self.count_out(&entry);
            leaving.push(entry);
        }
        drop(entries);
        // Their connections close outside the lock.
        drop(leaving);
    }

    fn count_out(&self, entry: &Entry) {
        let peak = entry.peak.swap(LEFT, Ordering::Relaxed);
        if peak != LEFT {
            self.peaks.fetch_sub(peak, Ordering::Relaxed);
        }
    }

    pub(super) fn remove(&self, endpoint: EndpointId) {
        let old = self.entries.write().remove(&endpoint);
        if let Some(old) = old {
            self.count_out(&old);
        }
    }

    /// The entry of this version, made if it is newer than what there is; nothing if it is
    /// older.
    fn replace(
        &self,
        endpoint: EndpointId,
        version: i64,
        used: u64,
    ) -> reqwest::Result<Option<Arc<Entry>>> {
        // Old clients close their connections outside the lock.
        let mut leaving = Vec::new();
        let mut entries = self.entries.write();
        match entries.get(&endpoint) {
            Some(entry) if entry.version == version => return Ok(Some(Arc::clone(entry))),
            Some(entry) if entry.version > version => return Ok(None),
            _ => {}
        }
        let client = self.build(self.settings.max_idle)?;
        let entry = Arc::new(Entry {
            version,
            client,
            used: AtomicU64::new(used),
            sends: AtomicUsize::new(0),
            peak: AtomicUsize::new(0),
        });
        leaving.extend(entries.insert(endpoint, Arc::clone(&entry)));
        if entries.len() > self.settings.max_clients {
            leaving.extend(evict(&mut entries, None));
        }
        drop(entries);
        for old in &leaving {
            self.count_out(old);
        }
        drop(leaving);
        Ok(Some(entry))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that makes clients"
    )]
    fn build(&self, max_idle: usize) -> reqwest::Result<Client> {
        let settings = &self.settings;
        Client::builder()
            .tls_backend_preconfigured(settings.tls.clone())
            .dns_resolver(settings.resolver.clone())
            .user_agent(settings.user_agent.clone())
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(max_idle)
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_max_header_list_size(HEADER_LIST)
            .http2_keep_alive_interval(PING_EVERY)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .build()
    }
}

fn evict(
    entries: &mut HashMap<EndpointId, Arc<Entry>>,
    but: Option<EndpointId>,
) -> Option<Arc<Entry>> {
    let oldest = entries
        .iter()
        .filter(|(endpoint, _)| but != Some(**endpoint))
        .min_by_key(|(_, entry)| entry.used.load(Ordering::Relaxed))
        .map(|(endpoint, _)| *endpoint)?;
    entries.remove(&oldest)
}

#[cfg(test)]
mod tests {
    use postrider_domain::Timestamp;

    use super::*;
    use crate::guard::dns::SystemLookup;

    fn clients(max_clients: usize) -> Clients {
        let lookup = Arc::new(SystemLookup::new().unwrap());
        Clients::new(Settings {
            tls: super::super::tls::config(Vec::new()).unwrap(),
            resolver: Arc::new(GuardedResolver::new(lookup, Arc::default())),
            user_agent: HeaderValue::from_static("test"),
            max_clients,
            max_idle: 8,
            max_idle_in_all: 12,
        })
    }

    fn held(clients: &Clients) -> Vec<(EndpointId, i64)> {
        let entries = clients.entries.read();
        let mut held: Vec<_> = entries.iter().map(|(id, e)| (*id, e.version)).collect();
        held.sort_unstable();
        held
    }

    fn endpoints(n: usize) -> Vec<EndpointId> {
        (0..n)
            .map(|_| EndpointId::mint(Timestamp::from_seconds(1_700_000_000)))
            .collect()
    }

    #[tokio::test]
    async fn a_newer_version_replaces_an_older_one_and_a_straggler_replaces_nothing() {
        let clients = clients(8);
        let id = endpoints(1)[0];
        for version in [1, 1, 2, 1, 3, 2] {
            clients.get(id, version).unwrap();
        }
        assert_eq!(held(&clients), [(id, 3)]);
        clients.remove(id);
        assert_eq!(held(&clients), []);
    }

    #[tokio::test]
    async fn the_least_recently_used_client_leaves_when_there_are_too_many() {
        let clients = clients(3);
        let ids = endpoints(4);
        for id in &ids[..3] {
            clients.get(*id, 1).unwrap();
        }
        clients.get(ids[0], 1).unwrap();
        clients.get(ids[3], 1).unwrap();
        assert_eq!(held(&clients), [(ids[0], 1), (ids[2], 1), (ids[3], 1)]);
    }

    #[tokio::test]
    async fn the_least_recently_used_clients_leave_when_too_many_connections_could_be_idle() {
        let clients = clients(100);
        let ids = endpoints(3);
        let at_once = |id: EndpointId, sends: usize| {
            let used: Vec<_> = (0..sends).map(|_| clients.get(id, 1).unwrap()).collect();
            drop(used);
        };
        at_once(ids[0], 5);
        at_once(ids[1], 5);
        at_once(ids[0], 5);
        assert_eq!(
            clients.peaks.load(Ordering::Relaxed),
            10,
            "a peak counts once"
        );
        at_once(ids[2], 2);
        assert_eq!(held(&clients).len(), 3, "within the bound everybody stays");
        at_once(ids[2], 3);
        assert_eq!(held(&clients), [(ids[0], 1), (ids[2], 1)]);
        assert_eq!(clients.peaks.load(Ordering::Relaxed), 8);
        // No client keeps more than its own bound, however many it sends at once.
        at_once(ids[2], 50);
        assert_eq!(held(&clients), [(ids[2], 1)]);
        assert_eq!(clients.peaks.load(Ordering::Relaxed), 8);
    }

    #[tokio::test]
    async fn what_has_left_counts_no_more_even_if_it_is_still_in_use() {
        let clients = clients(100);
        let ids = endpoints(2);
        let first = clients.get(ids[0], 1).unwrap();
        let second = clients.get(ids[0], 2).unwrap();
        assert_eq!(
            clients.peaks.load(Ordering::Relaxed),
            1,
            "the newer version alone"
        );
        clients.remove(ids[0]);
        assert_eq!(clients.peaks.load(Ordering::Relaxed), 0);
        drop((first, second));
        let _again = clients.get(ids[0], 2).unwrap();
        assert_eq!(clients.peaks.load(Ordering::Relaxed), 1);
    }
}
