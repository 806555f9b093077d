//! Holders without a lease because the line to their partition's leader is cut: what this node says of the partitions that
//! it leads, and what other leaders said. Each node passes on what a leader told it, so that whoever leads the control
//! group hears of it also where its own line to that leader is cut.

use traffic::loss::Starved;
use traffic::readiness::Sight;

use model::id::Term;

use crate::node::shared::Node;

/// The most of them that are told at a time: those of the lowest groups.
pub(crate) const TOLD_MAX: usize = 256;

/// Returns what this node knows: its own word and those of others, also such as were passed on.
pub(crate) fn all(node: &Node) -> Vec<Starved> {
    let mut all = own(node);
    all.extend(node.last_seen.starved(node.now(), node.timing.lapse()));
    all
}

/// Returns its own word and what leaders said themselves.
pub(crate) fn to_pass_on(node: &Node) -> Vec<Starved> {
    let mut words = own(node);
    words.extend(node.last_seen.starved_first_hand(node.now(), node.timing.lapse()));
    words.sort();
    words.dedup();
    words.truncate(TOLD_MAX);
    words
}

/// Lists the starved holders of the groups that this node leads.
fn own(node: &Node) -> Vec<Starved> {
    let now = node.now();
    let mut starved = Vec::new();
    for group in node.hosted().filter(|group| group.id != model::id::GroupId::CONTROL) {
        let Some((leader, holders)) = group.lease.without_lease(now) else { continue };
        let of_group = holders.into_iter().map(|(holder, lasts)| Starved {
            group: group.id,
            term: Term(leader.term),
            leader: node.id,
            holder,
            lasts,
        });
        starved.extend(of_group);
    }
    if starved.is_empty() {
        return starved;
    }
    let (nodes, news) = (node.peers.nodes(), node.last_seen.all(now));
    let sight = Sight { node: node.id, nodes: &nodes, news: &news, silence: node.timing.lapse() };
    starved.retain(|word| word.holder != node.id && !sight.connected(node.id, word.holder));
    starved
}
