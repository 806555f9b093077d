//! The address of a gRPC listener, and whether it is spoken to with TLS.

use std::fmt;
use std::str::FromStr;

use model::location::{HostPort, InvalidHostPort};

/// A gRPC listener's address: `host:port`, with TLS beyond this machine; `https://` and `http://` before it say
/// otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerAddress {
    place: HostPort,
    tls: bool,
}

/// A text is no listener's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be host:port, such as 127.0.0.1:4201, or https://host:port")]
pub struct InvalidAddress;

impl From<InvalidHostPort> for InvalidAddress {
    fn from(_: InvalidHostPort) -> InvalidAddress {
        InvalidAddress
    }
}

impl ListenerAddress {
    /// Says whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.place.is_loopback()
    }

    /// Says whether it is spoken to with TLS.
    pub fn has_tls(&self) -> bool {
        self.tls
    }

    /// Returns the URL that a channel connects to.
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}", self.place)
    }
}

impl fmt::Display for ListenerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

impl FromStr for ListenerAddress {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<ListenerAddress, InvalidAddress> {
        let (place, tls) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest.trim_end_matches('/').parse()?, Some(true)),
            (_, Some(rest)) => (rest.trim_end_matches('/').parse()?, Some(false)),
            (None, None) => (text.parse::<HostPort>()?, None),
        };
        let tls = tls.unwrap_or(!place.is_loopback());
        Ok(ListenerAddress { place, tls })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_this_machine_tls_is_spoken_unless_the_scheme_says_otherwise() {
        for (text, shown, url) in [
            ("127.0.0.1:4201", "127.0.0.1:4201", "http://127.0.0.1:4201"),
            ("localhost:4201", "localhost:4201", "http://localhost:4201"),
            ("https://localhost:1/", "localhost:1", "https://localhost:1"),
            ("[::1]:4201", "[::1]:4201", "http://[::1]:4201"),
            ("10.0.0.7:4201", "10.0.0.7:4201", "https://10.0.0.7:4201"),
            ("http://10.0.0.7:4201", "10.0.0.7:4201", "http://10.0.0.7:4201"),
            ("us-east-1.example.com:4201", "us-east-1.example.com:4201", "https://us-east-1.example.com:4201"),
        ] {
            let address: ListenerAddress = text.parse().unwrap();
            assert_eq!((address.to_string().as_str(), address.url().as_str()), (shown, url), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in
            ["", "localhost", "ftp://a:1", "https://", "https://a", "http://a:1/b", "a:1/", "https://https://a:1"]
        {
            assert_eq!(text.parse::<ListenerAddress>(), Err(InvalidAddress), "{text}");
        }
    }
}
