//! Who should lead, by who hears whom.
//!
//! A line between two regions may be cut while both are heard by a third, and in one direction only. A leader at one end
//! reaches its majority and goes on, and the region at the other end gets no entries, no leases and no answers, for as
//! long as that lasts: nobody votes for another leader, because a majority hears this one. So a leader hands over to a
//! voter that hears more members than it does and is heard by them. Members in service count before the others, because
//! they send: a witness, or a region that the plan takes nothing from, may be given up for one of them.

use std::collections::BTreeSet;

use model::NodeId;

use crate::readiness::Sight;

/// A group as it concerns who should lead it.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Members<'a> {
    pub all: &'a BTreeSet<NodeId>,
    /// Those of regions that the plan gives traffic.
    pub in_service: &'a BTreeSet<NodeId>,
}

impl Sight<'_> {
    /// Says whether calls go both ways between two nodes, as far as their words count; no when neither's does.
    pub fn connected(&self, one: NodeId, other: NodeId) -> bool {
        let somebody_speaks = self.speaks(one) || self.speaks(other);
        somebody_speaks && !self.has_lost(one, other) && !self.has_lost(other, one)
    }

    /// Says whether the node that looks misses a member.
    pub fn misses(&self, members: &BTreeSet<NodeId>) -> bool {
        members.iter().any(|id| *id != self.node && !self.connected(self.node, *id))
    }

    /// Says whether another node is connected with each of the members that the node that looks is connected with.
    pub fn reaches_as_many(&self, other: NodeId, members: &BTreeSet<NodeId>) -> bool {
        let here = members.iter().filter(|id| **id != other && **id != self.node && self.connected(self.node, **id));
        here.into_iter().all(|id| self.connected(other, *id))
    }

    /// Returns who should lead in the place of the node that looks: of `voters`, which are able to, the one that is
    /// connected with it and with the most members in service; of several such one that is in service itself, then the
    /// one that is connected with the most others, then the lowest.
    /// Nothing when that is no more than the node that looks is connected with. So every such handing over is to a node
    /// that reaches more, and no circle of them is possible among nodes that know the same.
    pub fn better_leader(&self, members: Members<'_>, voters: impl Iterator<Item = NodeId>) -> Option<NodeId> {
        let own = self.reach(self.node, members);
        let reached = voters.filter(|id| *id != self.node && self.connected(self.node, *id));
        let better = reached.map(|id| (self.reach(id, members), std::cmp::Reverse(id))).max();
        better.filter(|(reach, _)| *reach > own).map(|(_, std::cmp::Reverse(id))| id)
    }

    /// Ranks a node by the members that it is connected with, itself included: how many are in service, whether it is
    /// itself, how many others there are.
    fn reach(&self, node: NodeId, Members { all, in_service }: Members<'_>) -> (usize, bool, usize) {
        let reached = all.iter().filter(|id| **id == node || self.connected(node, **id));
        let (serving, others): (Vec<&NodeId>, Vec<&NodeId>) = reached.partition(|id| in_service.contains(id));
        (serving.len(), in_service.contains(&node), others.len())
    }
}
