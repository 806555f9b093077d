//! Which addresses a webhook may have.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Url};

/// Which addresses are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Targets {
    /// Every address.
    Any,
    /// Public addresses only.
    Public,
}

impl Targets {
    /// Lets a client connect to allowed addresses only, whatever a name resolves to at that moment.
    pub(super) fn restrict(self, client: ClientBuilder) -> ClientBuilder {
        match self {
            Targets::Any => client,
            Targets::Public => client.no_proxy().dns_resolver(Arc::new(PublicResolver)),
        }
    }

    /// Says whether a URL may be called, as far as it shows: an address written out isn't resolved.
    pub(super) fn allow(self, url: &Url) -> bool {
        let written = url.host_str().map(|host| host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>());
        match (self, written) {
            (Targets::Any, _) | (Targets::Public, Some(Err(_))) => true,
            (Targets::Public, Some(Ok(address))) => is_public(address),
            (Targets::Public, None) => false,
        }
    }
}

/// Resolves names and leaves out what isn't public.
struct PublicResolver;

impl Resolve for PublicResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the name has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(mapped) => is_public_v4(mapped),
            None => is_public_v6(address),
        },
    }
}

/// Says whether an address is outside the ranges that IANA's special-purpose registry keeps from the public internet.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let protocol = (first, second, third) == (192, 0, 0);
    let benchmark = first == 198 && (18..20).contains(&second);
    !(first == 0
        || shared
        || protocol
        || benchmark
        || first >= 224
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation())
}

/// Says whether an address is in 2000::/3, where public addresses are given, and not in a part kept from it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    let documentation = first == 0x2001 && second == 0x0db8;
    // 6to4 and NAT64-like prefixes carry an IPv4 address that would be reached behind our back.
    first & 0xe000 == 0x2000 && !documentation && first != 0x2002 && !(first == 0x2001 && second < 0x0200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for (text, public) in [
            ("93.184.216.34", true),
            ("10.1.2.3", false),
            ("127.0.0.1", false),
            ("169.254.169.254", false),
            ("172.16.0.1", false),
            ("192.168.1.1", false),
            ("100.64.0.1", false),
            ("0.0.0.0", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:2800:220:1::1", true),
            ("::1", false),
            ("fe80::1", false),
            ("fd00::1", false),
            ("::ffff:127.0.0.1", false),
            ("2002:7f00:1::", false),
            ("64:ff9b::7f00:1", false),
        ] {
            assert_eq!(is_public(text.parse().unwrap()), public, "{text}");
        }
    }

    #[test]
    fn written_addresses_are_looked_at_in_every_spelling() {
        for (url, allowed) in [
            ("http://example.com/x", true),
            ("http://127.0.0.1/", false),
            ("http://2130706433/", false),
            ("http://0x7f.1/", false),
            ("http://[::1]:80/", false),
        ] {
            assert_eq!(Targets::Public.allow(&Url::parse(url).unwrap()), allowed, "{url}");
            assert!(Targets::Any.allow(&Url::parse(url).unwrap()));
        }
    }
}
