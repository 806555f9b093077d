//! Where something listens: `host:port`.

use core::net::{IpAddr, Ipv6Addr};
use std::fmt;
use std::str::FromStr;

/// The longest name of a host, in bytes (RFC 1035, 2.3.4).
const HOST_MAX: usize = 253;

/// A host and a port. The host is a name, an IPv4 address, or an IPv6 address in brackets; the port is 1 to 65535.
/// Names are kept in lower case, so that two equal places are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// A text is no `host:port`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be host:port, such as 10.0.0.7:4201 or [fd00::7]:4201")]
pub struct InvalidHostPort;

impl HostPort {
    /// Returns the host; an IPv6 address without its brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Says whether it is on this machine whatever a resolver says.
    pub fn is_loopback(&self) -> bool {
        self.host() == "localhost" || self.host().parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<HostPort, InvalidHostPort> {
        let (host, port) = text.rsplit_once(':').ok_or(InvalidHostPort)?;
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| digits && *port != 0).ok_or(InvalidHostPort)?;
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let well_formed = match bracketed {
            Some(inside) => inside.parse::<Ipv6Addr>().is_ok(),
            None => is_name(host),
        };
        if well_formed { Ok(HostPort { host: host.to_ascii_lowercase(), port }) } else { Err(InvalidHostPort) }
    }
}

fn is_name(host: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=HOST_MAX).contains(&host.len()) && host.bytes().all(allowed) && !host.starts_with(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, shown, loopback) in [
            ("127.0.0.1:4201", "127.0.0.1:4201", true),
            ("LocalHost:1", "localhost:1", true),
            ("[::1]:4201", "[::1]:4201", true),
            ("10.0.0.7:4201", "10.0.0.7:4201", false),
            ("us-east-1.example.com:65535", "us-east-1.example.com:65535", false),
        ] {
            let place: HostPort = text.parse().unwrap();
            assert_eq!(place.to_string(), shown);
            assert_eq!(place.is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused() {
        for text in [
            "",
            "localhost",
            ":4201",
            "a:b",
            "a:0",
            "a:70000",
            "a:+1",
            "a:",
            "::1:4201",
            "a b:1",
            "[x]:1",
            "a/b:1",
            "http://a:1",
            "[127.0.0.1]:1",
            "-a:1",
            "a\u{e9}:1",
            "a:1 ",
            "a@b:1",
        ] {
            assert_eq!(text.parse::<HostPort>(), Err(InvalidHostPort), "{text:?}");
        }
        let long = format!("{}:1", "a".repeat(HOST_MAX + 1));
        assert_eq!(long.parse::<HostPort>(), Err(InvalidHostPort));
    }
}
