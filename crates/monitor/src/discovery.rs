//! Finding the nodes of a cluster in DNS.
//!
//! The SRV record of the service names one target per node (RFC 2782); the target's port is the node's peer port. The
//! TXT record at the target's name says who the node is, in attributes as RFC 6763 section 6 writes them:
//! `id=1`, `region=us-east-1`, `kind=serving` (or `witness`), `grpc=host:port`, `door=https://host`.

use std::collections::BTreeMap;

use hickory_resolver::TokioResolver;
use hickory_resolver::proto::rr::{RData, RecordType};
use model::cluster::{NodeInfo, Nodes, RegionKind};
use model::id::{NodeId, RegionId};

/// Why the nodes were not found.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The resolver can't be set up or DNS didn't answer.
    #[error("failed to look up {name} in DNS: {reason}")]
    Lookup {
        /// The name that was asked for.
        name: String,
        /// What the resolver says.
        reason: String,
    },
    /// The service has no targets.
    #[error("{0} has no SRV records")]
    NoTargets(String),
    /// A target doesn't say who it is.
    #[error("the TXT record of {target} has a wrong or missing {attribute}: {reason}")]
    Attribute {
        /// The target.
        target: String,
        /// The attribute.
        attribute: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// Looks up the nodes of the service `name`, such as `_signalbox._tcp.example.org`.
///
/// # Errors
/// When DNS doesn't answer, the service has no targets, or a target's attributes are missing or wrong.
pub async fn discover(name: &str) -> Result<Nodes, DiscoveryError> {
    let failed = |name: &str, reason: String| DiscoveryError::Lookup { name: name.to_owned(), reason };
    let resolver = TokioResolver::builder_tokio()
        .and_then(hickory_resolver::ResolverBuilder::build)
        .map_err(|error| failed(name, error.to_string()))?;
    let services = resolver.lookup(name, RecordType::SRV).await.map_err(|error| failed(name, error.to_string()))?;
    let mut nodes = Nodes::new();
    for record in services.answers() {
        let RData::SRV(service) = &record.data else { continue };
        let target = service.target.to_utf8();
        let texts = resolver
            .lookup(target.as_str(), RecordType::TXT)
            .await
            .map_err(|error| failed(&target, error.to_string()))?;
        let attributes: Vec<String> = texts
            .answers()
            .iter()
            .filter_map(|record| if let RData::TXT(text) = &record.data { Some(text) } else { None })
            .flat_map(|text| text.txt_data.iter().map(|part| String::from_utf8_lossy(part).into_owned()))
            .collect();
        let peer = format!("{}:{}", target.trim_end_matches('.'), service.port);
        let node = parse_attributes(&target, peer, &attributes)?;
        nodes.insert(node.id, node);
    }
    if nodes.is_empty() { Err(DiscoveryError::NoTargets(name.to_owned())) } else { Ok(nodes) }
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
    let get =
        |attribute: &'static str| values.get(attribute).copied().ok_or_else(|| wrong(attribute, "it is not given"));
    let id: u64 = get("id")?.parse().map_err(|_| wrong("id", "it must be a positive number"))?;
    let kind = match get("kind")? {
        "serving" => RegionKind::Serving,
        "witness" => RegionKind::Witness,
        _ => return Err(wrong("kind", "it must be serving or witness")),
    };
    if id == 0 {
        return Err(wrong("id", "it must be a positive number"));
    }
    let door = match kind {
        RegionKind::Serving => get("door")?.trim_end_matches('/').to_owned(),
        RegionKind::Witness => String::new(),
    };
    Ok(NodeInfo {
        id: NodeId(id),
        region: RegionId::new(get("region")?).map_err(|error| wrong("region", &error.to_string()))?,
        kind,
        peer,
        grpc: get("grpc")?.to_owned(),
        door,
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
        let node = parse(&["id=3", "region=us-east-1", "kind=serving", "grpc=a:1", "door=https://a/"]).unwrap();
        assert_eq!((node.id, node.region.as_str(), node.door.as_str()), (NodeId(3), "us-east-1", "https://a"));
        let witness = parse(&["id=4", "region=w", "kind=witness", "grpc=a:1"]).unwrap();
        assert_eq!(witness.door, "");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (attributes, wrong) in [
            (&["id=0", "region=r", "kind=witness", "grpc=a:1"][..], "id"),
            (&["id=1", "region=R", "kind=witness", "grpc=a:1"][..], "region"),
            (&["id=1", "region=r", "kind=both", "grpc=a:1"][..], "kind"),
            (&["id=1", "region=r", "kind=serving", "grpc=a:1"][..], "door"),
            (&["id=1", "region=r", "kind=witness"][..], "grpc"),
        ] {
            let error = parse(attributes).unwrap_err();
            assert!(matches!(&error, DiscoveryError::Attribute { attribute, .. } if *attribute == wrong), "{error}");
        }
    }
}
