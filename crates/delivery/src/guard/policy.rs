//! Which addresses are public, by the IANA special-purpose address registries
//! (RFC 6890 and its updates) and the allocations of IPv6 unicast.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// An address that deliveries may not reach.
///
/// The text names the range only: shown to a tenant, the address behind a name
/// would tell how the operator's own network is laid out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "deliveries may not reach this address: it is not public ({range}), and the operator has not allowed its subnet"
)]
pub struct RefusedAddress {
    pub address: IpAddr,
    /// What kind of address it is.
    pub range: &'static str,
}

/// The addresses that deliveries may reach: public unicast, and the subnets that
/// the operator allows.
#[derive(Clone, Debug, Default)]
pub struct AddressPolicy {
    allow: Vec<IpNet>,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(head: [u16; 3], prefix: u8) -> Ipv6Net {
    let [a, b, c] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const REFUSED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "this network"),
    (v4(10, 0, 0, 0, 8), "private"),
    (v4(100, 64, 0, 0, 10), "shared by carriers"),
    (v4(127, 0, 0, 0, 8), "loopback"),
    (v4(169, 254, 0, 0, 16), "link-local"),
    (v4(172, 16, 0, 0, 12), "private"),
    (v4(192, 0, 0, 0, 24), "protocol assignments"),
    (v4(192, 0, 2, 0, 24), "documentation"),
    (v4(192, 88, 99, 0, 24), "6to4 relays"),
    (v4(192, 168, 0, 0, 16), "private"),
    (v4(198, 18, 0, 0, 15), "benchmarking"),
    (v4(198, 51, 100, 0, 24), "documentation"),
    (v4(203, 0, 113, 0, 24), "documentation"),
    (v4(224, 0, 0, 0, 4), "multicast"),
    (v4(240, 0, 0, 0, 4), "reserved"),
];

/// All unicast that IANA has handed out lies in here (RFC 4291, section 2.4).
const GLOBAL_UNICAST: Ipv6Net = v6([0x2000, 0, 0], 3);

/// What is not public within [`GLOBAL_UNICAST`].
const REFUSED_V6: &[(Ipv6Net, &str)] = &[
    (v6([0x2001, 0, 0], 23), "protocol assignments, Teredo"),
    (v6([0x2001, 0xdb8, 0], 32), "documentation"),
    (v6([0x2002, 0, 0], 16), "6to4"),
    (v6([0x3ffe, 0, 0], 16), "6bone"),
    (v6([0x3fff, 0, 0], 20), "documentation"),
];

/// Outside of [`GLOBAL_UNICAST`] nothing is public; these are named for the error.
const NAMED_V6: &[(Ipv6Net, &str)] = &[
    (v6([0x64, 0xff9b, 1], 48), "local translation"),
    (v6([0x100, 0, 0], 64), "discard-only"),
    (v6([0x5f00, 0, 0], 16), "segment routing"),
    (v6([0xfc00, 0, 0], 7), "private"),
    (v6([0xfe80, 0, 0], 10), "link-local"),
    (v6([0xfec0, 0, 0], 10), "site-local"),
    (v6([0xff00, 0, 0], 8), "multicast"),
];

/// NAT64's well-known prefix (RFC 6052): on a network without IPv4 every IPv4
/// receiver is reached through it, so it is as public as the address inside.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 96);

impl AddressPolicy {
    /// A policy that allows these subnets beside everything public.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Whether deliveries may reach the address.
    pub fn check(&self, address: IpAddr) -> Result<(), RefusedAddress> {
        if self.allows(address) {
            return Ok(());
        }
        let refused = match address {
            IpAddr::V4(inner) => refused_v4(inner),
            IpAddr::V6(outer) => self.refused_v6(outer),
        };
        refused.map_or(Ok(()), |range| Err(RefusedAddress { address, range }))
    }

    fn allows(&self, address: IpAddr) -> bool {
        self.allow.iter().any(|net| net.contains(&address))
    }

    fn refused_v6(&self, address: Ipv6Addr) -> Option<&'static str> {
        // The kernel connects to a mapped address as to the IPv4 one inside.
        if let Some(inner) = address.to_ipv4_mapped() {
            return self.refused_inner(inner);
        }
        if NAT64.contains(&address) {
            return self.refused_inner(low_v4(address));
        }
        if address.is_unspecified() {
            return Some("unspecified");
        }
        if address.is_loopback() {
            return Some("loopback");
        }
        if !GLOBAL_UNICAST.contains(&address) {
            return Some(range_of(NAMED_V6, address).unwrap_or("not allocated"));
        }
        range_of(REFUSED_V6, address).or_else(|| {
            is_isatap(address)
                .then(|| self.refused_inner(low_v4(address)))
                .flatten()
        })
    }

    fn refused_inner(&self, inner: Ipv4Addr) -> Option<&'static str> {
        if self.allows(IpAddr::V4(inner)) {
            return None;
        }
        refused_v4(inner)
    }
}

fn refused_v4(address: Ipv4Addr) -> Option<&'static str> {
    REFUSED_V4
        .iter()
        .find(|(net, _)| net.contains(&address))
        .map(|(_, range)| *range)
}

fn range_of(ranges: &[(Ipv6Net, &'static str)], address: Ipv6Addr) -> Option<&'static str> {
    ranges
        .iter()
        .find(|(net, _)| net.contains(&address))
        .map(|(_, range)| *range)
}

/// The IPv4 address in the last 32 bits.
fn low_v4(address: Ipv6Addr) -> Ipv4Addr {
    Ipv4Addr::from_bits(address.to_bits() as u32)
}

/// Whether the interface identifier is that of ISATAP (RFC 5214, section 6.1),
/// which tunnels to the IPv4 address in its last 32 bits.
fn is_isatap(address: Ipv6Addr) -> bool {
    let [_, _, _, _, kind, format, _, _] = address.segments();
    format == 0x5efe && matches!(kind, 0 | 0x200)
}

/// Checks the host of a URL if it is a literal address, in whatever spelling: the
/// URL parser has made one of all (WHATWG URL Standard, "IPv4 parser").
pub fn check_literal(policy: &AddressPolicy, url: &Url) -> Result<(), RefusedAddress> {
    match url.host() {
        Some(Host::Ipv4(address)) => policy.check(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => policy.check(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allow: &[&str]) -> AddressPolicy {
        AddressPolicy::new(allow.iter().map(|net| net.parse().unwrap()).collect())
    }

    fn passes(policy: &AddressPolicy, address: &str) -> bool {
        policy.check(address.parse().unwrap()).is_ok()
    }

    #[test]
    fn public_unicast_passes() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2606:4700::1111",
            "2a00::1",
            "2003::1",
            "3ffd::1",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
            "2a00::5efe:8.8.8.8",
        ] {
            assert!(passes(&policy(&[]), address), "{address}");
        }
    }

    #[test]
    fn every_range_that_is_not_public_is_refused_from_its_first_to_its_last_address() {
        for (first, last) in [
            ("0.0.0.0", "0.255.255.255"),
            ("10.0.0.0", "10.255.255.255"),
            ("100.64.0.0", "100.127.255.255"),
            ("127.0.0.0", "127.255.255.255"),
            ("169.254.0.0", "169.254.255.255"),
            ("172.16.0.0", "172.31.255.255"),
            ("192.0.0.0", "192.0.0.255"),
            ("192.0.2.0", "192.0.2.255"),
            ("192.88.99.0", "192.88.99.255"),
            ("192.168.0.0", "192.168.255.255"),
            ("198.18.0.0", "198.19.255.255"),
            ("198.51.100.0", "198.51.100.255"),
            ("203.0.113.0", "203.0.113.255"),
            ("224.0.0.0", "239.255.255.255"),
            ("240.0.0.0", "255.255.255.255"),
            ("::", "::1"),
            ("::2", "::ffff"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
            ("100::", "100::ffff:ffff:ffff:ffff"),
            ("1fff::", "1fff:ffff::"),
            ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
            ("2001:db8::", "2001:db8:ffff::ffff"),
            ("2002::", "2002:ffff:ffff::"),
            ("3fff::", "3fff:fff:ffff::"),
            ("4000::", "5f00::1"),
            ("fc00::", "fdff:ffff::"),
            ("fe80::", "febf::1"),
            ("fec0::", "feff::1"),
            ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
        ] {
            assert!(!passes(&policy(&[]), first), "{first}");
            assert!(!passes(&policy(&[]), last), "{last}");
        }
    }

    #[test]
    fn the_ipv4_address_inside_an_ipv6_one_is_looked_at() {
        for (inner, public) in [
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("10.1.2.3", false),
            ("8.8.8.8", true),
        ] {
            for outer in [
                "::ffff:",
                "64:ff9b::",
                "2a00:1:2:3::5efe:",
                "2a00:1:2:3:200:5efe:",
            ] {
                let address = format!("{outer}{inner}");
                assert_eq!(passes(&policy(&[]), &address), public, "{address}");
            }
            for outer in ["::", "64:ff9b:1::"] {
                assert!(!passes(&policy(&[]), &format!("{outer}{inner}")));
            }
        }
        for tunnelled in [
            "2002:7f00:1::",
            "2002:a9fe:a9fe::1",
            "2001:0:4136:e378:8000:63bf:80ff:fffe",
        ] {
            assert!(!passes(&policy(&[]), tunnelled), "{tunnelled}");
        }
    }

    #[test]
    fn an_allowed_subnet_is_reached_and_its_neighbours_are_not() {
        let policy = policy(&["10.1.0.0/16", "fd00:1::/32"]);
        for (address, allowed) in [
            ("10.1.2.3", true),
            ("10.2.0.0", false),
            ("127.0.0.1", false),
            ("fd00:1::9", true),
            ("fd00:2::9", false),
        ] {
            assert_eq!(passes(&policy, address), allowed, "{address}");
        }
    }

    #[test]
    fn an_allowed_ipv4_subnet_is_allowed_in_its_mapped_form_too() {
        let loopback = policy(&["127.0.0.0/8"]);
        assert!(passes(&loopback, "::ffff:127.0.0.1"));
        assert!(!passes(&loopback, "::1"));
        assert!(!passes(&loopback, "::127.0.0.1"));
        assert!(!passes(&loopback, "::ffff:10.0.0.1"));
        assert!(passes(
            &policy(&["::ffff:127.0.0.0/104"]),
            "::ffff:127.0.0.1"
        ));
    }

    #[test]
    fn every_spelling_of_a_literal_address_is_checked() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0x0.0x0.0x1",
            "0x7F.1",
            "017700000001",
            "0177.0.0.1",
            "0177.0x0.1",
            "127.0.0.1.",
            "%31%32%37.0.0.1",
            "１２７.0.0.1",
            "127。0。0。1",
            "0",
            "0.0.0.0",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0xA9.0xFE.0xA9.0xFE",
            "0251.0376.0251.0376",
            "025177524776",
            "169.254.43518",
            "169.16689662",
            "[::ffff:169.254.169.254]",
            "[::ffff:a9fe:a9fe]",
            "[64:ff9b::a9fe:a9fe]",
            "[fd00:ec2::254]",
        ] {
            let url = Url::parse(&format!("http://{host}/latest")).unwrap();
            assert!(check_literal(&policy(&[]), &url).is_err(), "{host}");
        }
        let public = Url::parse("http://0x08.8.8.8/").unwrap();
        assert!(check_literal(&policy(&[]), &public).is_ok());
        let name = Url::parse("http://localhost/").unwrap();
        assert!(
            check_literal(&policy(&[]), &name).is_ok(),
            "names are the resolver's"
        );
    }

    #[test]
    fn the_text_of_a_refusal_names_the_range_and_not_the_address() {
        let refused = policy(&[]).check("10.1.2.3".parse().unwrap()).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains("private") && !text.contains("10.1.2.3"),
            "{text}"
        );
    }
}
