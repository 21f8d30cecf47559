//! A client, and so a pool of connections, for each endpoint and version of its
//! configuration: a change of the endpoint leaves its old connections behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
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
    pub(super) max_idle: usize,
}

struct Entry {
    version: i64,
    client: Client,
    used: AtomicU64,
}

/// The clients at hand, the least recently used leaving first.
pub(super) struct Clients {
    settings: Settings,
    entries: RwLock<HashMap<EndpointId, Entry>>,
    clock: AtomicU64,
}

impl Clients {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            entries: RwLock::default(),
            clock: AtomicU64::new(0),
        }
    }

    /// The client of the endpoint in this version. A newer version replaces an older
    /// one; a straggler with an older one gets a client that keeps no connection.
    pub(super) fn get(&self, endpoint: EndpointId, version: i64) -> reqwest::Result<Client> {
        let used = self.clock.fetch_add(1, Ordering::Relaxed);
        if let Some(entry) = self.entries.read().get(&endpoint) {
            if entry.version == version {
                entry.used.store(used, Ordering::Relaxed);
                return Ok(entry.client.clone());
            }
            if entry.version > version {
                return self.build(0);
            }
        }
        self.replace(endpoint, version, used)
    }

    pub(super) fn remove(&self, endpoint: EndpointId) {
        let old = self.entries.write().remove(&endpoint);
        drop(old);
    }

    fn replace(&self, endpoint: EndpointId, version: i64, used: u64) -> reqwest::Result<Client> {
        // Old clients close their connections outside the lock.
        let mut leaving = Vec::new();
        let mut entries = self.entries.write();
        match entries.get(&endpoint) {
            Some(entry) if entry.version == version => return Ok(entry.client.clone()),
            Some(entry) if entry.version > version => return self.build(0),
            _ => {}
        }
        let client = self.build(self.settings.max_idle)?;
        let entry = Entry {
            version,
            client: client.clone(),
            used: AtomicU64::new(used),
        };
        leaving.extend(entries.insert(endpoint, entry));
        if entries.len() > self.settings.max_clients {
            leaving.extend(evict(&mut entries));
        }
        drop(entries);
        drop(leaving);
        Ok(client)
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

fn evict(entries: &mut HashMap<EndpointId, Entry>) -> Option<Entry> {
    let oldest = entries
        .iter()
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
}
