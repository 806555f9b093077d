//! The base URLs that take events and inbound SMS, and the order to try them in. Calls nobody (see `poster`).

use std::fmt;
use std::sync::Arc;

use axum::http::Uri;

/// The path of the one route that a callback has to offer.
const CALLBACK_PATH: &str = "/_provider/sandbox";
/// The longest callback URL, in bytes.
const CALLBACK_LEN_MAX: usize = 512;
/// Callbacks remembered: every listener of a large cluster, and a bound on what deliveries can make us remember.
pub(crate) const CALLBACKS_MAX: usize = 64;

/// A base URL `http://host:port` that was checked, without a slash at its end. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CallbackUrl(Arc<str>);

/// Callbacks in the order to try them, without repetition. Cheap to clone.
pub(crate) type Route = Arc<[CallbackUrl]>;

impl CallbackUrl {
    /// Checks a base URL; a slash at its end doesn't count.
    pub(crate) fn parse(url: &str) -> Result<Self, CallbackUrlError> {
        if url.len() > CALLBACK_LEN_MAX {
            return Err(CallbackUrlError::TooLong { len: url.len() });
        }
        let base = url.trim_end_matches('/');
        let refused = || CallbackUrlError::NotHttp { url: url.to_owned() };
        let target: Uri = format!("{base}{CALLBACK_PATH}").parse().map_err(|_| refused())?;
        let has_host = target.host().is_some_and(|host| !host.is_empty());
        if target.scheme_str() != Some("http") || !has_host || base.contains(['?', '#']) {
            return Err(refused());
        }
        Ok(Self(base.into()))
    }

    /// Where events and inbound SMS are posted.
    pub(crate) fn target(&self) -> Uri {
        format!("{}{CALLBACK_PATH}", self.0).parse().expect("parse() accepted this very text")
    }
}

impl fmt::Display for CallbackUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Says why a callback URL can't be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CallbackUrlError {
    /// It isn't of the form `http://host:port`.
    #[error("call {url:?}: it must look like http://host:port")]
    NotHttp {
        /// The text as given.
        url: String,
    },
    /// It is longer than any address of ours.
    #[error("call a URL of {len} bytes, at most {CALLBACK_LEN_MAX} are taken")]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
}

/// The callbacks that are known: those configured, then those seen in deliveries, oldest first; at most 64.
#[derive(Debug)]
pub(crate) struct KnownCallbacks {
    configured: Route,
    seen: Vec<CallbackUrl>,
}

impl KnownCallbacks {
    /// Starts with those that were configured.
    pub(crate) fn new(configured: &[CallbackUrl]) -> Self {
        Self { configured: without_repetition(configured.iter()), seen: Vec::new() }
    }

    /// Remembers what a request named and says whom its events go to: these in their order, then those configured.
    pub(crate) fn route(&mut self, named: &[CallbackUrl]) -> Route {
        for callback in named {
            let known = self.configured.contains(callback) || self.seen.contains(callback);
            if !known && self.configured.len() + self.seen.len() < CALLBACKS_MAX {
                self.seen.push(callback.clone());
            }
        }
        without_repetition(named.iter().chain(self.configured.iter()))
    }

    /// All that are known.
    pub(crate) fn all(&self) -> Route {
        self.configured.iter().chain(&self.seen).cloned().collect()
    }
}

fn without_repetition<'a>(callbacks: impl Iterator<Item = &'a CallbackUrl>) -> Route {
    let mut route: Vec<CallbackUrl> = Vec::new();
    for callback in callbacks {
        if !route.contains(callback) {
            route.push(callback.clone());
        }
    }
    route.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn urls(texts: &[&str]) -> Vec<CallbackUrl> {
        texts.iter().map(|text| CallbackUrl::parse(text).unwrap()).collect()
    }

    #[test]
    fn takes_http_base_urls_only() {
        for good in ["http://127.0.0.1:4101", "http://listener/", "http://[::1]:80/base/"] {
            assert!(CallbackUrl::parse(good).is_ok(), "{good}");
        }
        let long = format!("http://{}", "a".repeat(600));
        for bad in [
            "",
            "127.0.0.1:4101",
            "https://listener",
            "http://",
            "http:///x",
            "http://a b",
            "http://a?b",
            "http://a#b",
            &long,
        ] {
            assert!(CallbackUrl::parse(bad).is_err(), "{bad}");
        }
        let with_base = CallbackUrl::parse("http://listener:1/base/").unwrap();
        assert_eq!(with_base.target(), "http://listener:1/base/_provider/sandbox");
    }

    #[test]
    fn a_route_tries_those_named_first_and_names_none_twice() {
        let mut known = KnownCallbacks::new(&urls(&["http://a", "http://b"]));
        let route = known.route(&urls(&["http://c", "http://b/", "http://c"]));
        assert_eq!(*route, *urls(&["http://c", "http://b", "http://a"]));
        assert_eq!(*known.all(), *urls(&["http://a", "http://b", "http://c"]));
    }

    #[test]
    fn remembers_a_bounded_number() {
        let mut known = KnownCallbacks::new(&urls(&["http://a"]));
        for port in 1..=200 {
            known.route(&urls(&[&format!("http://b:{port}")]));
        }
        assert_eq!(known.all().len(), CALLBACKS_MAX);
    }
}
