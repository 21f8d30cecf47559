//! Looking names up: asynchronously, with a bounded cache and bounded concurrency,
//! and only ever answering addresses that the guard lets through.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolveHosts};
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::Name as DnsName;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use super::AddressPolicy;

/// Lookups under way at a time, in all; others wait within their deadline.
const MAX_LOOKUPS: usize = 128;
/// Answers kept.
const CACHED_ANSWERS: u64 = 4096;
/// No answer is believed for longer, so that a receiver that moves is found again.
const LONGEST_TTL: Duration = Duration::from_mins(5);
/// A name that is not there is asked for again after this at the latest.
const LONGEST_NEGATIVE_TTL: Duration = Duration::from_secs(10);
/// How long one name server is given for one question.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// A name that could not be resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such name, or it has no address.
    #[error("the name has no address")]
    NoAddress,
    /// The name servers did not answer, or not usefully.
    #[error("the name could not be looked up: {0}")]
    Failed(&'static str),
}

/// Finds the addresses of a name. The system's resolver is one; tests bring theirs.
pub trait Lookup: Send + Sync {
    /// The addresses of a name, most preferred first.
    fn lookup(&self, name: String) -> BoxFuture<'_, Result<Vec<IpAddr>, LookupError>>;
}

/// A resolver whose every answer has passed the [`AddressPolicy`].
#[derive(Clone)]
pub struct GuardedResolver {
    lookup: Arc<dyn Lookup>,
    policy: Arc<AddressPolicy>,
    permits: Arc<Semaphore>,
}

impl GuardedResolver {
    /// Guards this lookup by this policy.
    pub fn new(lookup: Arc<dyn Lookup>, policy: Arc<AddressPolicy>) -> Self {
        Self {
            lookup,
            policy,
            permits: Arc::new(Semaphore::new(MAX_LOOKUPS)),
        }
    }

    /// The addresses of the name that deliveries may reach; an error if there is
    /// none: [`LookupError`], or [`RefusedAddress`](super::RefusedAddress) if the
    /// policy refuses all.
    pub async fn addresses(
        &self,
        name: &str,
    ) -> Result<Vec<IpAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let mut found = match special(name) {
            Some(addresses) => addresses,
            None => self.ask(name).await?,
        };
        found.truncate(MAX_ADDRESSES);
        let mut refusal = None;
        found.retain(|address| match self.policy.check(*address) {
            Ok(()) => true,
            Err(refused) => {
                tracing::debug!(name, %address, range = refused.range, "address refused");
                refusal = Some(refused);
                false
            }
        });
        match refusal {
            Some(refused) if found.is_empty() => Err(refused.into()),
            _ if found.is_empty() => Err(LookupError::NoAddress.into()),
            _ => Ok(found),
        }
    }

    async fn ask(&self, name: &str) -> Result<Vec<IpAddr>, LookupError> {
        let _permit = self
            .permits
            .acquire()
            .await
            .map_err(|_| LookupError::Failed("shutting down"))?;
        self.lookup.lookup(name.to_owned()).await
    }
}

/// `localhost` and what is below it are loopback, whatever a name server says
/// (RFC 6761, section 6.3).
fn special(name: &str) -> Option<Vec<IpAddr>> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    (name == "localhost" || name.ends_with(".localhost")).then(|| {
        vec![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ]
    })
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let addresses = this.addresses(name.as_str()).await?;
            // Port 0: the client puts in the URL's.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// The system's name servers and hosts file, read once.
pub struct SystemLookup {
    resolver: TokioResolver,
}

impl SystemLookup {
    /// Reads the system's resolver configuration. The text of the error names it.
    pub fn new() -> Result<Self, String> {
        let explain = |error: NetError| format!("cannot read /etc/resolv.conf: {error}");
        let mut builder = TokioResolver::builder_tokio().map_err(explain)?;
        let options = builder.options_mut();
        // A container's `ndots:5` would put every public name through its search
        // list first: five questions in place of one.
        options.ndots = 1;
        options.timeout = QUERY_TIMEOUT;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Always;
        options.cache_size = CACHED_ANSWERS;
        options.positive_max_ttl = Some(LONGEST_TTL);
        options.negative_max_ttl = Some(LONGEST_NEGATIVE_TTL);
        // Two questions (A and AAAA) for each lookup under way: never "busy".
        options.max_active_requests = 2 * MAX_LOOKUPS;
        Ok(Self {
            resolver: builder.build().map_err(explain)?,
        })
    }
}

impl Lookup for SystemLookup {
    fn lookup(&self, name: String) -> BoxFuture<'_, Result<Vec<IpAddr>, LookupError>> {
        Box::pin(async move {
            // A URL's host is ASCII by now; the resolver's own reading of names would
            // refuse the underscores that some have.
            let name = DnsName::from_ascii(name)
                .map_err(|_| LookupError::Failed("it is no name that can be looked up"))?;
            match self.resolver.lookup_ip(name).await {
                Ok(found) => Ok(found.iter().collect()),
                Err(error) => Err(explain(&error)),
            }
        })
    }
}

/// Our own words: the resolver's would name the operator's name servers.
fn explain(error: &NetError) -> LookupError {
    if error.is_nx_domain() || error.is_no_records_found() {
        return LookupError::NoAddress;
    }
    LookupError::Failed(match error {
        NetError::Timeout => "the name servers did not answer in time",
        NetError::Io(_) | NetError::NoConnections => "the name servers cannot be reached",
        NetError::Busy => "too many lookups at once",
        NetError::Dns(_) => "the name servers answered with an error",
        _ => "the lookup failed",
    })
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Waker};

    use super::super::RefusedAddress;
    use super::*;

    struct Fixed(Result<Vec<IpAddr>, LookupError>);

    impl Lookup for Fixed {
        fn lookup(&self, _name: String) -> BoxFuture<'_, Result<Vec<IpAddr>, LookupError>> {
            Box::pin(async { self.0.clone() })
        }
    }

    fn resolver(answer: Result<&[&str], LookupError>, allow: &[&str]) -> GuardedResolver {
        let answer = answer.map(|list| list.iter().map(|ip| ip.parse().unwrap()).collect());
        let allow = allow.iter().map(|net| net.parse().unwrap()).collect();
        GuardedResolver::new(Arc::new(Fixed(answer)), Arc::new(AddressPolicy::new(allow)))
    }

    async fn found(resolver: &GuardedResolver, name: &str) -> Vec<String> {
        let addresses = resolver.addresses(name).await.unwrap();
        addresses.iter().map(ToString::to_string).collect()
    }

    async fn refused(resolver: &GuardedResolver, name: &str) -> bool {
        let error = resolver.addresses(name).await.unwrap_err();
        error.downcast_ref::<RefusedAddress>().is_some()
    }

    #[tokio::test]
    async fn of_several_addresses_only_the_public_ones_are_answered() {
        let resolver = resolver(Ok(&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1111"]), &[]);
        assert_eq!(
            found(&resolver, "a.example").await,
            ["8.8.8.8", "2606:4700::1111"]
        );
    }

    #[tokio::test]
    async fn a_name_with_refused_addresses_only_is_refused() {
        let resolver = resolver(
            Ok(&["10.0.0.1", "169.254.169.254", "::ffff:127.0.0.1"]),
            &[],
        );
        assert!(refused(&resolver, "rebound.example").await);
    }

    #[tokio::test]
    async fn allowed_subnets_are_answered() {
        let resolver = resolver(Ok(&["10.0.0.1", "10.1.0.1"]), &["10.1.0.0/16"]);
        assert_eq!(found(&resolver, "a.example").await, ["10.1.0.1"]);
    }

    #[tokio::test]
    async fn localhost_is_loopback_whatever_the_name_servers_say_and_is_checked_like_it() {
        let liar = resolver(Ok(&["8.8.8.8"]), &[]);
        let allowing = resolver(Ok(&["8.8.8.8"]), &["127.0.0.0/8"]);
        for name in ["localhost", "LOCALHOST.", "a.localhost", "a.b.localhost."] {
            assert!(refused(&liar, name).await, "{name}");
            assert_eq!(found(&allowing, name).await, ["127.0.0.1"], "{name}");
        }
        assert_eq!(found(&liar, "notlocalhost").await, ["8.8.8.8"]);
    }

    #[tokio::test]
    async fn a_name_without_an_address_says_so() {
        for answer in [Ok(&[][..]), Err(LookupError::NoAddress)] {
            let error = resolver(answer, &[])
                .addresses("a.example")
                .await
                .unwrap_err();
            assert_eq!(error.downcast_ref(), Some(&LookupError::NoAddress));
        }
    }

    #[tokio::test]
    async fn no_more_than_so_many_lookups_run_at_once() {
        struct Never;
        impl Lookup for Never {
            fn lookup(&self, _name: String) -> BoxFuture<'_, Result<Vec<IpAddr>, LookupError>> {
                Box::pin(std::future::pending())
            }
        }
        let resolver = GuardedResolver::new(Arc::new(Never), Arc::default());
        let mut waiting: Vec<_> = (0..MAX_LOOKUPS + 10)
            .map(|_| Box::pin(resolver.addresses("a.example")))
            .collect();
        let mut context = Context::from_waker(Waker::noop());
        for lookup in &mut waiting {
            assert!(lookup.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(resolver.permits.available_permits(), 0);
        drop(waiting);
        assert_eq!(resolver.permits.available_permits(), MAX_LOOKUPS);
    }
}
