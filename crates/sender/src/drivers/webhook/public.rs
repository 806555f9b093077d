//! Which addresses are public: those that IANA's special-purpose registries (RFC 6890) leave to the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Says whether an address is a public one. An IPv6 address that carries an IPv4 address (mapped, NAT64, 6to4, Teredo)
/// never is.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, third, _] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let protocol = (first, second, third) == (192, 0, 0);
    let relay_of_6to4 = (first, second, third) == (192, 88, 99);
    let benchmark = first == 198 && (18..20).contains(&second);
    !(first == 0
        || shared
        || protocol
        || relay_of_6to4
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
    let global = first & 0xe000 == 0x2000;
    // 2001::/23 holds Teredo, benchmarks and ORCHID; 2002::/16 is 6to4.
    let protocol = first == 0x2001 && second < 0x0200;
    let documentation = (first == 0x2001 && second == 0x0db8) || (first == 0x3fff && second < 0x1000);
    global && !protocol && !documentation && first != 0x2002
}
