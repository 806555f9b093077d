//! The address of a gRPC listener.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A gRPC listener's address: `host:port`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerAddress {
    host: String,
    port: u16,
}

/// A text is no listener's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// It has no port.
    #[error("must be host:port, such as 127.0.0.1:4201")]
    Shape,
    /// Its scheme is one that the listeners don't speak.
    #[error("must be host:port without https://: gRPC listeners speak plain HTTP/2, keep them on a private network")]
    Scheme,
}

impl ListenerAddress {
    /// Says whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Returns the URL that a channel connects to.
    pub fn url(&self) -> String {
        format!("http://{self}")
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl FromStr for ListenerAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<ListenerAddress, InvalidAddress> {
        if text.starts_with("https://") {
            return Err(InvalidAddress::Scheme);
        }
        let bare = text.strip_prefix("http://").unwrap_or(text).trim_end_matches('/');
        let (host, port) = bare.rsplit_once(':').ok_or(InvalidAddress::Shape)?;
        let port: u16 = port.parse().map_err(|_| InvalidAddress::Shape)?;
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let well_formed = match bracketed {
            Some(inside) => inside.parse::<IpAddr>().is_ok(),
            None => {
                !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            }
        };
        if port == 0 || !well_formed {
            return Err(InvalidAddress::Shape);
        }
        Ok(ListenerAddress { host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_ports_are_told_apart() {
        for (text, shown, loopback) in [
            ("127.0.0.1:4201", "127.0.0.1:4201", true),
            ("http://localhost:1/", "localhost:1", true),
            ("[::1]:4201", "[::1]:4201", true),
            ("10.0.0.7:4201", "10.0.0.7:4201", false),
            ("us-east-1.example.com:4201", "us-east-1.example.com:4201", false),
        ] {
            let address: ListenerAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.is_loopback(), loopback, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "localhost", ":4201", "a:b", "a:0", "a:70000", "::1:4201", "a b:1", "[x]:1", "a/b:1"] {
            assert_eq!(text.parse::<ListenerAddress>(), Err(InvalidAddress::Shape), "{text}");
        }
        assert_eq!("https://a:1".parse::<ListenerAddress>(), Err(InvalidAddress::Scheme));
    }
}
