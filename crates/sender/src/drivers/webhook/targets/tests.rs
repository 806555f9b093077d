//! Addresses in all their spellings, and networks as operators write them.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn allows(targets: &Targets, url: &str) -> bool {
    // What is no URL is called by nobody.
    Url::parse(url).is_ok_and(|url| targets.check(&url).is_ok())
}

/// Networks that are not public, one line for each in the registries: first and last address.
const NOT_PUBLIC: [(&str, &str); 29] = [
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
    ("::", "::"),
    ("::1", "::1"),
    ("::7f00:1", "::ffff:ffff"),
    ("::ffff:7f00:0", "::ffff:7fff:ffff"),
    ("64:ff9b::", "64:ff9b::ffff:ffff"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("100::", "100::ffff:ffff:ffff:ffff"),
    ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

#[test]
fn what_the_registries_keep_is_not_called() {
    let targets = Targets::default();
    for (first, last) in NOT_PUBLIC {
        for address in [first, last] {
            assert!(targets.reach(address.parse().unwrap()).is_err(), "{address}");
        }
    }
    for address in ["1.1.1.1", "93.184.216.34", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"] {
        assert_eq!(targets.reach(address.parse().unwrap()), Ok(()), "{address}");
    }
    for address in ["2606:2800:220:1::1", "2a00::1", "2001:200::1", "::ffff:1.1.1.1", "3fff:1000::"] {
        assert_eq!(targets.reach(address.parse().unwrap()), Ok(()), "{address}");
    }
}

#[test]
fn what_a_url_shows_is_looked_at_before_anything_is_resolved() {
    let targets = Targets::default();
    for (url, allowed) in [
        ("http://example.com/x", true),
        ("https://example.com./x", true),
        ("https://93.184.216.34/", true),
        ("http://example.com:8080/", true),
        ("http://example.com:1024/", true),
        ("http://example.com:1023/", false),
        ("http://example.com:25/", false),
        ("http://example.com:0/", false),
        ("http://user@example.com/", false),
        ("http://user:pass@example.com/", false),
        ("http://:pass@example.com/", false),
        ("http://127.0.0.1./", false),
        ("http://[::1]:80/", false),
        ("http://[fe80::1%25eth0]/", false),
        ("http://[::ffff:a9fe:a9fe]/", false),
        ("http://1.1.1.1@127.0.0.1/", false),
        ("http://127.0.0.1\\@1.1.1.1/", false),
        ("http://①②⑦.0.0.1/", false),
        ("http://127。0。0。1/", false),
        ("ftp://example.com/", false),
    ] {
        assert_eq!(allows(&targets, url), allowed, "{url}");
    }
}

#[test]
fn an_allowed_network_opens_itself_alone() {
    let targets = Targets::public_and(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    for (address, allowed) in [
        ("10.1.2.3", true),
        ("::ffff:10.1.2.3", true),
        ("fd12::1", true),
        ("1.1.1.1", true),
        ("10.2.0.0", false),
        ("fc00::1", false),
        ("2002:a01:203::", false),
        ("64:ff9b::a01:203", false),
    ] {
        assert_eq!(targets.reach(address.parse().unwrap()).is_ok(), allowed, "{address}");
    }
}

#[test]
fn a_network_is_read_strictly() {
    for good in ["10.0.0.0/8", "127.0.0.1/32", "0.0.0.0/0", "::1/128", "fd00::/8"] {
        assert_eq!(good.parse::<Network>().map(|network| network.to_string()), Ok(good.to_owned()));
    }
    for bad in [
        "",
        "10.0.0.0",
        "10/8",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "010.0.0.0/8",
        "10.0.0.0/8 ",
        "localhost/8",
    ] {
        assert_eq!(bad.parse::<Network>(), Err(InvalidNetwork::Malformed(bad.to_owned())));
    }
    let error = "10.1.2.3/8".parse::<Network>().unwrap_err();
    assert_eq!(error.to_string(), "has bits set beyond its length: 10.1.2.3/8 lies in 10.0.0.0/8");
}

/// An IPv4 address in one of the spellings that URLs take.
fn spelled(address: Ipv4Addr, radix: [u8; 4], parts: usize, dot: bool) -> String {
    let octets = address.octets();
    let mut values: Vec<u32> = octets[..parts - 1].iter().map(|octet| u32::from(*octet)).collect();
    values.push(octets[parts - 1..].iter().fold(0, |sum, octet| sum << 8 | u32::from(*octet)));
    let one = |(value, radix): (&u32, &u8)| match radix % 4 {
        0 => format!("{value}"),
        1 => format!("0{value:o}"),
        2 => format!("0x{value:x}"),
        _ => format!("0X{value:08X}"),
    };
    let text = values.iter().zip(&radix).map(one).collect::<Vec<_>>().join(".");
    format!("{text}{}", if dot { "." } else { "" })
}

proptest! {
    /// However an address is written, the URL is called exactly when the address may be.
    #[test]
    fn every_spelling_of_an_address_is_the_address(
        (network, step) in (0..15_usize, any::<u32>()), public in any::<u32>(), from_networks in any::<bool>(),
        radix in any::<[u8; 4]>(), parts in 1..=4_usize, dot in any::<bool>(),
    ) {
        let bits = |text: &str| text.parse::<Ipv4Addr>().unwrap().to_bits();
        let (first, last) = (bits(NOT_PUBLIC[network].0), bits(NOT_PUBLIC[network].1));
        let inside = first + step % (last - first + 1);
        let address = Ipv4Addr::from_bits(if from_networks { inside } else { public });
        let targets = Targets::default();
        let wanted = targets.reach(IpAddr::V4(address)).is_ok();
        prop_assert!(!(from_networks && wanted), "{} is public", address);
        let url = format!("http://{}/", spelled(address, radix, parts, dot));
        prop_assert_eq!(allows(&targets, &url), wanted, "{} is {}", url, address);
        let mapped = address.to_ipv6_mapped();
        for host in [format!("[{mapped}]"), format!("[::ffff:{:x}:{:x}]", mapped.segments()[6], mapped.segments()[7])] {
            prop_assert_eq!(allows(&targets, &format!("http://{host}/")), wanted, "{}", host);
        }
    }

    /// An IPv6 address that carries an IPv4 address is never called, whatever it carries.
    #[test]
    fn what_carries_another_address_is_not_called(carried in any::<u32>(), prefix in 0..4_usize) {
        let (high, low) = ((carried >> 16) as u16, carried as u16);
        let address = [
            Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
            Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            Ipv6Addr::new(0x2001, 0, high, low, 0, 0, !high, !low),
            Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
        ][prefix];
        prop_assert!(Targets::default().reach(IpAddr::V6(address)).is_err(), "{}", address);
    }
}
