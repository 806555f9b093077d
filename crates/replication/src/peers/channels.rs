//! The other nodes: their addresses, and one channel to each, shared by all groups and all kinds of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::cluster::{NodeInfo, Nodes};
use model::id::{NodeId, RegionId};
use tonic::Status;
use wire::peer::peer_client::PeerClient;

use crate::peers::heartbeats::Heartbeats;
use crate::peers::introduction::{self, Introduction, PeerCalls};
use crate::peers::transport::{InvalidPeerAddress, PeerTransport};

/// The largest message between nodes, in bytes: an entry of 1 MiB, a snapshot's chunk of as much, and room around it.
pub(crate) const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Why a node can't be called.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PeerError {
    /// Nobody told where it is.
    #[error("the address of node {0} is not known")]
    Unknown(NodeId),
    /// Its address is malformed.
    #[error(transparent)]
    Address(#[from] InvalidPeerAddress),
}

/// A node that can be called.
#[derive(Clone)]
pub(crate) struct Peer {
    address: String,
    /// Calls of all kinds.
    pub(crate) client: PeerCalls,
    /// Heartbeats of all groups, merged.
    pub(crate) heartbeats: Heartbeats,
}

/// The addresses and the open channels.
pub(crate) struct Peers {
    transport: Arc<dyn PeerTransport>,
    own: Introduction,
    state: Mutex<State>,
}

struct State {
    addresses: Nodes,
    open: BTreeMap<NodeId, Peer>,
    /// The regions of all nodes that were ever known: a region stays one when its last node is removed.
    regions: BTreeSet<RegionId>,
    /// What nodes say that refuse this one, or why this one refuses them.
    refusals: BTreeMap<NodeId, String>,
    /// Nodes that were removed, each with those that this node has still to tell of it. Bounded by the nodes that were
    /// ever members.
    removed: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl Peers {
    /// Begins with the configured nodes.
    pub(crate) fn new(transport: Arc<dyn PeerTransport>, own: Introduction, addresses: Nodes) -> Peers {
        let regions = addresses.values().map(|info| info.region.clone()).collect();
        let (open, refusals, removed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let state = State { addresses, open, regions, refusals, removed };
        Peers { transport, own, state: Mutex::new(state) }
    }

    /// Takes note of a member that wasn't configured. Where a configured node is, the configuration knows better than a
    /// membership that may be old.
    pub(crate) fn learn_if_unknown(&self, info: &NodeInfo) {
        let mut state = self.lock();
        state.removed.remove(&info.id);
        state.regions.insert(info.region.clone());
        state.addresses.entry(info.id).or_insert_with(|| info.clone());
    }

    /// Takes note of a node, or of its new address; the channel to the old one is given up.
    pub(crate) fn learn(&self, info: &NodeInfo) {
        let mut state = self.lock();
        state.removed.remove(&info.id);
        if state.addresses.get(&info.id) == Some(info) {
            return;
        }
        if state.open.get(&info.id).is_some_and(|peer| peer.address != info.peer) {
            state.open.remove(&info.id);
        }
        state.regions.insert(info.region.clone());
        state.addresses.insert(info.id, info.clone());
    }

    /// Forgets a node that was removed. When it was removed from here, all others are told, however long one of them is
    /// away.
    pub(crate) fn forget(&self, node: NodeId, here: bool) {
        let mut state = self.lock();
        state.addresses.remove(&node);
        state.open.remove(&node);
        state.refusals.remove(&node);
        for untold in state.removed.values_mut() {
            untold.remove(&node);
        }
        let others = state.addresses.keys().copied().filter(|_| here).collect();
        state.removed.entry(node).or_insert(others);
    }

    /// Lists the removed nodes of which another one is still to be told.
    pub(crate) fn untold(&self, to: NodeId) -> Vec<NodeId> {
        let state = self.lock();
        state.removed.iter().filter(|(_, untold)| untold.contains(&to)).map(|(id, _)| *id).collect()
    }

    /// Takes note that a node has forgotten removed ones.
    pub(crate) fn told(&self, to: NodeId, forgotten: impl Iterator<Item = NodeId>) {
        let mut state = self.lock();
        for id in forgotten {
            if let Some(untold) = state.removed.get_mut(&id) {
                untold.remove(&to);
            }
        }
    }

    /// Says whether a node was removed and not added again.
    pub(crate) fn was_removed(&self, node: NodeId) -> bool {
        self.lock().removed.contains_key(&node)
    }

    /// Takes note of how a call to a node went: whether that node and this one take each other for members.
    pub(crate) fn met(&self, node: NodeId, result: Result<(), &Status>) {
        let refusal = result.err().and_then(introduction::refusal);
        let mut state = self.lock();
        let address = state.addresses.get(&node).map(|info| info.peer.clone()).unwrap_or_default();
        let changed = match refusal {
            Some(reason) if state.refusals.get(&node) != Some(&reason) => {
                tracing::warn!(node = node.0, %address, %reason, "node refused as a member of this cluster");
                state.refusals.insert(node, reason);
                true
            }
            None if result.is_ok() => state.refusals.remove(&node).is_some(),
            _ => false,
        };
        if changed {
            metrics::gauge!("signalbox_nodes_refused").set(state.refusals.len() as f64);
        }
    }

    /// Returns the nodes that are no members of the cluster as far as a call showed, with the reasons.
    pub(crate) fn refusals(&self) -> BTreeMap<NodeId, String> {
        self.lock().refusals.clone()
    }

    /// Returns the regions of the cluster.
    pub(crate) fn regions(&self) -> BTreeSet<RegionId> {
        self.lock().regions.clone()
    }

    /// Returns all known nodes.
    pub(crate) fn nodes(&self) -> Nodes {
        self.lock().addresses.clone()
    }

    /// Returns a node to call; its channel connects by itself.
    pub(crate) fn get(&self, node: NodeId) -> Result<Peer, PeerError> {
        let mut state = self.lock();
        if let Some(peer) = state.open.get(&node) {
            return Ok(peer.clone());
        }
        let info = state.addresses.get(&node).ok_or(PeerError::Unknown(node))?;
        let (address, client) = (info.peer.clone(), self.calls(info)?);
        let peer = Peer { address, heartbeats: Heartbeats::start(client.clone()), client };
        state.open.insert(node, peer.clone());
        Ok(peer)
    }

    /// Returns the way to a node that nothing is to be kept of.
    pub(crate) fn calls(&self, info: &NodeInfo) -> Result<PeerCalls, InvalidPeerAddress> {
        let channel = self.transport.connect(info)?;
        let client = PeerClient::with_interceptor(channel, self.own.to(info.id));
        Ok(client.max_decoding_message_size(MESSAGE_BYTES_MAX).max_encoding_message_size(MESSAGE_BYTES_MAX))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
