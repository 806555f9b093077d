//! Which addresses a webhook may have: public ones, and those that the operator allows. A URL comes from whoever sends
//! a message, so that it must not reach what only this machine or its network reaches.
//!
//! In flow a URL and, when a connection is made, the addresses that its name has at that moment; out flow a reason or
//! the addresses that may be connected to. What must always hold: **no connection is made to an address that
//! [`Targets::reach`] refuses**. A literal address isn't resolved, so that [`Targets::check`] sees it; a name is
//! resolved for each connection by [`GuardedResolver`], and the connection is made to what that let through: there is
//! no second lookup. No redirect is followed and no proxy is asked.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Url};

use super::public::is_public;

/// The smallest port, besides 80 and 443, that is called: below are mail, shells and other services that may take a
/// request for one of theirs.
const PORT_MIN: u16 = 1024;

/// Networks that may be called though they aren't public: at most so many.
pub const NETWORKS_MAX: usize = 64;

/// Which addresses are called: public ones, and those in allowed networks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Targets {
    allowed: Arc<[Network]>,
}

/// A network of addresses, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network(IpNet);

/// Says that a text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidNetwork {
    /// It isn't an address and a length.
    #[error("must be a network such as 10.0.0.0/8 or fd00::/8, found {0:?}")]
    Malformed(String),
    /// Its address has bits beyond its length.
    #[error("has bits set beyond its length: {given} lies in {meant}")]
    HostBits {
        /// What was given.
        given: String,
        /// The network of that length that it lies in.
        meant: String,
    },
}

/// Why a target isn't called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotAllowed(pub(super) &'static str);

impl Targets {
    /// Allows public addresses and those of `allowed`, of which there are at most [`NETWORKS_MAX`].
    pub fn public_and(allowed: Vec<Network>) -> Targets {
        Targets { allowed: allowed.into() }
    }

    /// Lets a client connect to allowed addresses only, whatever a name resolves to at that moment.
    pub(super) fn restrict(&self, client: ClientBuilder, names: Arc<dyn Resolve>) -> ClientBuilder {
        client.dns_resolver(Arc::new(GuardedResolver { targets: self.clone(), names }))
    }

    /// Refuses a URL that may not be called, as far as it shows: a name isn't resolved.
    pub(super) fn check(&self, url: &Url) -> Result<(), NotAllowed> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotAllowed("the address is no http or https URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(NotAllowed("the address holds a user or password, which webhooks may not have"));
        }
        if !url.port_or_known_default().is_some_and(|port| matches!(port, 80 | 443) || port >= PORT_MIN) {
            return Err(NotAllowed("the address has a port that webhooks may not have: it must be 80, 443 or 1024 up"));
        }
        let host = url.host_str().ok_or(NotAllowed("the address names no host"))?;
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(written) => self.reach(written),
            Err(_name) => Ok(()),
        }
    }

    /// Refuses an address that may not be connected to.
    pub(super) fn reach(&self, address: IpAddr) -> Result<(), NotAllowed> {
        // ::ffff:10.0.0.1 is connected to as 10.0.0.1.
        let address = address.to_canonical();
        if is_public(address) || self.allowed.iter().any(|network| network.0.contains(&address)) {
            Ok(())
        } else {
            Err(NotAllowed("the address is not a public one, nor in providers.webhook_allow"))
        }
    }
}

/// Resolves names and leaves out what may not be connected to.
struct GuardedResolver {
    targets: Targets,
    names: Arc<dyn Resolve>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (targets, resolving) = (self.targets.clone(), self.names.resolve(name));
        Box::pin(async move {
            let found: Vec<SocketAddr> = resolving.await?.collect();
            let allowed: Vec<SocketAddr> =
                found.iter().copied().filter(|address| targets.reach(address.ip()).is_ok()).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(NotAllowed("the name has no public address, nor one in providers.webhook_allow").into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Asks the system's resolver.
pub(super) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        // By the standard library's reading of an address: `ipnet` takes 010.0.0.0 for 10.0.0.0, others for 8.0.0.0.
        let malformed = || InvalidNetwork::Malformed(text.to_owned());
        let (address, len) = text.split_once('/').ok_or_else(malformed)?;
        let address = address.parse::<IpAddr>().map_err(|_| malformed())?;
        let len = len.bytes().all(|byte| byte.is_ascii_digit()).then(|| len.parse().ok()).flatten();
        let network = IpNet::new(address, len.ok_or_else(malformed)?).map_err(|_| malformed())?;
        if network.trunc() == network {
            Ok(Network(network))
        } else {
            Err(InvalidNetwork::HostBits { given: text.to_owned(), meant: network.trunc().to_string() })
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
