//! Finding the nodes of a cluster in DNS.
//!
//! The SRV record of the service names one target per node (RFC 2782); the target's port is the node's peer port. The
//! TXT record at the target's name says who the node is, in attributes as RFC 6763 section 6 writes them:
//! `id=1`, `region=us-east-1`, `kind=serving` (or `witness`), `grpc=host:port`, `rest_url=https://host`.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use hickory_resolver::{ResolverBuilder, TokioResolver};
use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{NodeId, RegionId};

/// How long one question to a DNS server may take, and how often it is asked again.
const QUESTION_MAX: Duration = Duration::from_secs(2);
const REPEATS: usize = 1;
/// How long finding all nodes may take.
const DISCOVERY_MAX: Duration = Duration::from_secs(15);
/// The most targets of a service.
const TARGETS_MAX: usize = 256;

/// Why the nodes were not found. Each says what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// There is no usable resolver.
    #[error(
        "the system's resolver can't be used ({reason}): mend /etc/resolv.conf, or name a server in cluster.dns_server"
    )]
    Resolver {
        /// What the resolver says.
        reason: String,
    },
    /// The name has no such record.
    #[error("{name} has no {kind} record: make it, or correct the name")]
    Missing {
        /// The name that was asked for.
        name: String,
        /// The type of the record.
        kind: RecordType,
    },
    /// No DNS server gave an answer.
    #[error(
        "no DNS server answered for the {kind} record of {name} ({reason}): check the server, or name another one in cluster.dns_server"
    )]
    Unanswered {
        /// The name that was asked for.
        name: String,
        /// The type of the record.
        kind: RecordType,
        /// What the resolver says.
        reason: String,
    },
    /// The service has more targets than a cluster has nodes.
    #[error("{0} has more than {TARGETS_MAX} targets: correct its SRV records")]
    TooManyTargets(String),
    /// Two targets say that they are the same node.
    #[error("two targets of {name} say that they are node {node}: give each its own id in its TXT record")]
    Twice {
        /// The service.
        name: String,
        /// The node.
        node: NodeId,
    },
    /// A target doesn't say who it is.
    #[error("the TXT record of {target} has a wrong or missing {attribute}: {reason}")]
    Attribute {
        target: String,
        attribute: &'static str,
        /// What is wrong, and what would be right.
        reason: String,
    },
}

/// Looks up the nodes of the service `name`, such as `_signalbox._tcp.example.org`, with the system's resolver. Peers
/// are known by name, so that an address may change.
///
/// # Errors
/// When DNS doesn't answer, the service has no targets, or a target's attributes are missing or wrong.
pub async fn discover(name: &str) -> Result<Nodes, DiscoveryError> {
    let unusable = |error: NetError| DiscoveryError::Resolver { reason: error.to_string() };
    let asked = Dns::of(TokioResolver::builder_tokio().map_err(unusable)?)?;
    in_time(name, asked.nodes(name, Peer::Name)).await
}

/// Looks up the nodes of the service `name` at one DNS server. The system may not know that server's names, so that the
/// peers' addresses are asked of it too: once, now.
///
/// # Errors
/// As [`discover`].
pub async fn discover_at(name: &str, server: SocketAddr) -> Result<Nodes, DiscoveryError> {
    let mut connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
    connections.iter_mut().for_each(|connection| connection.port = server.port());
    let server = NameServerConfig::new(server.ip(), true, connections.into());
    let config = ResolverConfig::from_name_servers(vec![server]);
    let asked = Dns::of(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))?;
    in_time(name, asked.nodes(name, Peer::Address)).await
}

/// How other nodes are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Peer {
    Name,
    Address,
}

async fn in_time(
    name: &str,
    nodes: impl Future<Output = Result<Nodes, DiscoveryError>>,
) -> Result<Nodes, DiscoveryError> {
    tokio::time::timeout(DISCOVERY_MAX, nodes).await.unwrap_or_else(|_| {
        let reason = format!("not finished after {DISCOVERY_MAX:?}");
        Err(DiscoveryError::Unanswered { name: name.to_owned(), kind: RecordType::SRV, reason })
    })
}

struct Dns(TokioResolver);

impl Dns {
    fn of(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<Dns, DiscoveryError> {
        let options = builder.options_mut();
        options.timeout = QUESTION_MAX;
        options.attempts = REPEATS;
        builder.build().map(Dns).map_err(|error| DiscoveryError::Resolver { reason: error.to_string() })
    }

    async fn nodes(&self, name: &str, peer: Peer) -> Result<Nodes, DiscoveryError> {
        let services = self.lookup(name, RecordType::SRV).await?;
        if services.answers().len() > TARGETS_MAX {
            return Err(DiscoveryError::TooManyTargets(name.to_owned()));
        }
        let mut nodes = Nodes::new();
        for record in services.answers() {
            let RData::SRV(service) = &record.data else { continue };
            let target = service.target.to_utf8();
            let host = match peer {
                Peer::Name => target.trim_end_matches('.').to_owned(),
                Peer::Address => self.address(&target).await?,
            };
            let texts = self.lookup(&target, RecordType::TXT).await?;
            let node = parse_attributes(&target, format!("{host}:{}", service.port), &attributes(&texts))?;
            if let Some(twice) = nodes.insert(node.id, node) {
                return Err(DiscoveryError::Twice { name: name.to_owned(), node: twice.id });
            }
        }
        if nodes.is_empty() {
            return Err(DiscoveryError::Missing { name: name.to_owned(), kind: RecordType::SRV });
        }
        Ok(nodes)
    }

    async fn lookup(&self, name: &str, kind: RecordType) -> Result<Lookup, DiscoveryError> {
        self.0.lookup(name, kind).await.map_err(|error| failed(name, kind, &error))
    }

    /// Returns a target's address as it stands in `host:port`.
    async fn address(&self, target: &str) -> Result<String, DiscoveryError> {
        let addresses = self.0.lookup_ip(target).await.map_err(|error| failed(target, RecordType::A, &error))?;
        match addresses.iter().next() {
            Some(IpAddr::V4(address)) => Ok(address.to_string()),
            Some(IpAddr::V6(address)) => Ok(format!("[{address}]")),
            None => Err(DiscoveryError::Missing { name: target.to_owned(), kind: RecordType::A }),
        }
    }
}

fn failed(name: &str, kind: RecordType, error: &NetError) -> DiscoveryError {
    let name = name.to_owned();
    if error.is_no_records_found() {
        DiscoveryError::Missing { name, kind }
    } else {
        DiscoveryError::Unanswered { name, kind, reason: error.to_string() }
    }
}

fn attributes(texts: &Lookup) -> Vec<String> {
    let texts = texts.answers().iter().filter_map(|record| match &record.data {
        RData::TXT(text) => Some(text),
        _ => None,
    });
    texts.flat_map(|text| text.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned())).collect()
}

/// Makes a node of the attributes in its TXT record.
///
/// # Errors
/// When an attribute is missing or wrong.
pub fn parse_attributes(target: &str, peer: String, attributes: &[String]) -> Result<NodeInfo, DiscoveryError> {
    let values: BTreeMap<&str, &str> = attributes.iter().filter_map(|text| text.split_once('=')).collect();
    let wrong = |attribute: &'static str, reason: &str| DiscoveryError::Attribute {
        target: target.to_owned(),
        attribute,
        reason: reason.to_owned(),
    };
    let get = |attribute: &'static str| {
        values
            .get(attribute)
            .copied()
            .ok_or_else(|| wrong(attribute, "give it as a string of its own, as in \"id=1\" \"region=us-east-1\""))
    };
    let id: u64 = get("id")?.parse().map_err(|_| wrong("id", "it must be a positive number"))?;
    let kind = match get("kind")? {
        "serving" => RegionKind::Serving,
        "witness" => RegionKind::Witness,
        _ => return Err(wrong("kind", "it must be serving or witness")),
    };
    if id == 0 {
        return Err(wrong("id", "it must be a positive number"));
    }
    let rest_url = match kind {
        RegionKind::Serving => get("rest_url")?.trim_end_matches('/').to_owned(),
        RegionKind::Witness => String::new(),
    };
    Ok(NodeInfo {
        id: NodeId(id),
        region: RegionId::new(get("region")?).map_err(|error| wrong("region", &error.to_string()))?,
        kind,
        peer,
        grpc: get("grpc")?.to_owned(),
        rest_url,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(attributes: &[&str]) -> Result<NodeInfo, DiscoveryError> {
        let attributes: Vec<String> = attributes.iter().map(|text| (*text).to_owned()).collect();
        parse_attributes("a.example.org", "a.example.org:4401".into(), &attributes)
    }

    #[test]
    fn a_node_is_made_of_its_attributes() {
        let node = parse(&["id=3", "region=us-east-1", "kind=serving", "grpc=a:1", "rest_url=https://a/"]).unwrap();
        assert_eq!((node.id, node.region.as_str(), node.rest_url.as_str()), (NodeId(3), "us-east-1", "https://a"));
        let witness = parse(&["id=4", "region=w", "kind=witness", "grpc=a:1"]).unwrap();
        assert_eq!(witness.rest_url, "");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (attributes, wrong) in [
            (&["id=0", "region=r", "kind=witness", "grpc=a:1"][..], "id"),
            (&["id=1", "region=R", "kind=witness", "grpc=a:1"][..], "region"),
            (&["id=1", "region=r", "kind=both", "grpc=a:1"][..], "kind"),
            (&["id=1", "region=r", "kind=serving", "grpc=a:1"][..], "rest_url"),
            (&["id=1", "region=r", "kind=witness"][..], "grpc"),
        ] {
            let error = parse(attributes).unwrap_err();
            assert!(matches!(&error, DiscoveryError::Attribute { attribute, .. } if *attribute == wrong), "{error}");
        }
    }
}
