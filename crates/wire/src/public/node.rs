//! Nodes.

use model::NodeId;
use model::cluster::{NodeInfo, RegionKind};
use model::location::{HostPort, InvalidHostPort};

use crate::codes::Coded as _;
use crate::error::{Flaw, InvalidField};
use crate::read::{code, region, text};
use crate::v1;

impl From<NodeInfo> for v1::NodeInfo {
    fn from(node: NodeInfo) -> v1::NodeInfo {
        v1::NodeInfo {
            node_id: node.id.0,
            region: node.region.to_string(),
            kind: node.kind.wire_code(),
            peer_address: node.peer,
            grpc_address: node.grpc,
            rest_url: node.rest_url,
        }
    }
}

impl TryFrom<v1::NodeInfo> for NodeInfo {
    type Error = InvalidField;

    fn try_from(node: v1::NodeInfo) -> Result<NodeInfo, InvalidField> {
        if node.node_id == 0 {
            return Err(InvalidField::new("node_id", Flaw::Missing));
        }
        let kind = code(node.kind, "kind")?;
        Ok(NodeInfo {
            id: NodeId(node.node_id),
            region: region(&node.region, "region")?,
            kind,
            peer: place(node.peer_address, "peer_address")?,
            grpc: place(node.grpc_address, "grpc_address")?,
            rest_url: match kind {
                RegionKind::Serving => base_url(text(node.rest_url, "rest_url")?)?,
                RegionKind::Witness if node.rest_url.is_empty() => node.rest_url,
                RegionKind::Witness => base_url(node.rest_url)?,
            },
        })
    }
}

/// Takes a `host:port`.
fn place(value: String, field: &str) -> Result<String, InvalidField> {
    let place: HostPort =
        text(value, field)?.parse().map_err(|reason: InvalidHostPort| InvalidField::new(field, reason))?;
    Ok(place.to_string())
}

/// Takes the base URL of a REST listener.
fn base_url(url: String) -> Result<String, InvalidField> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    let well_formed =
        host.is_some_and(|host| host.parse::<HostPort>().is_ok() || format!("{host}:443").parse::<HostPort>().is_ok());
    if well_formed && url.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(url.trim_end_matches('/').to_owned())
    } else {
        Err(InvalidField::new("rest_url", Flaw::BaseUrl))
    }
}
