//! Nodes.

use model::NodeId;
use model::cluster::{NodeInfo, RegionKind};

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
            peer: text(node.peer_address, "peer_address")?,
            grpc: text(node.grpc_address, "grpc_address")?,
            rest_url: match kind {
                RegionKind::Serving => text(node.rest_url, "rest_url")?,
                RegionKind::Witness => node.rest_url,
            },
        })
    }
}
