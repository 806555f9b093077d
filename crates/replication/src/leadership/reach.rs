//! Who hears whom, as far as it decides who should lead. Pure: no clock, no lock, no IO.
//!
//! A line between two regions may be cut while both are heard by a third. A leader at one end reaches its majority and
//! goes on, and the region at the other end gets no entries, no leases and no answers, for as long as that lasts: nobody
//! votes for another leader, because a majority hears this one. So a leader that misses a member which another voter
//! hears hands over to that voter, if it hears everybody else too.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::NodeId;
use traffic::readiness::NeighbourNews;

/// Whom a node and, by their reports, the others heard within a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Reach {
    own: BTreeSet<NodeId>,
    theirs: BTreeMap<NodeId, BTreeSet<NodeId>>,
}

impl Reach {
    /// Reads what is known of the others. A report counts while it is younger than the window itself, and what it says
    /// is as much older.
    pub(crate) fn of(news: &BTreeMap<NodeId, NeighbourNews>, window: Duration) -> Reach {
        let fresh = |age: &Option<Duration>| age.is_some_and(|age| age < window);
        let own = news.iter().filter(|(_, news)| fresh(&news.last_seen)).map(|(id, _)| *id).collect();
        let reported = news.iter().filter(|(_, news)| fresh(&news.reported));
        let heard = |news: &NeighbourNews| {
            news.peers_last_seen.iter().filter(|(_, age)| **age < window).map(|(id, _)| *id).collect()
        };
        Reach { own, theirs: reported.map(|(id, news)| (*id, heard(news))).collect() }
    }

    /// Says whether another node hears each of the members that this one hears.
    pub(crate) fn hears_as_many(&self, other: NodeId, members: &BTreeSet<NodeId>) -> bool {
        let heard = self.theirs.get(&other);
        let here = members.intersection(&self.own).filter(|id| **id != other);
        here.into_iter().all(|id| heard.is_some_and(|heard| heard.contains(id)))
    }

    /// Returns the voter that hears more of the members than this node `own`, and all that this one hears; of several
    /// the one that hears most, then the lowest.
    pub(crate) fn better(&self, own: NodeId, voters: &BTreeSet<NodeId>, members: &BTreeSet<NodeId>) -> Option<NodeId> {
        let missed: BTreeSet<NodeId> =
            members.iter().copied().filter(|id| *id != own && !self.own.contains(id)).collect();
        let gains = |id: &NodeId| self.theirs.get(id).map_or(0, |heard| heard.intersection(&missed).count());
        let reached = voters.iter().copied().filter(|id| *id != own && self.own.contains(id));
        let better = reached.filter(|id| gains(id) > 0 && self.hears_as_many(*id, members));
        better.max_by_key(|id| (gains(id), std::cmp::Reverse(*id)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_secs(1);

    fn nodes(ids: &[u64]) -> BTreeSet<NodeId> {
        ids.iter().copied().map(NodeId).collect()
    }

    /// What node 1 knows: whom it hears itself, and whom each other says it hears.
    fn reach(own: &[u64], theirs: &[(u64, &[u64])]) -> Reach {
        let age = |heard: bool| Some(if heard { Duration::from_millis(100) } else { Duration::from_secs(5) });
        let news = theirs.iter().map(|(id, heard)| {
            let peers = heard.iter().map(|id| (NodeId(*id), Duration::from_millis(200))).collect();
            let last_seen = age(own.contains(id));
            (NodeId(*id), NeighbourNews { last_seen, reported: last_seen, peers_last_seen: peers, ready: None })
        });
        Reach::of(&news.collect(), WINDOW)
    }

    #[test]
    fn a_leader_that_misses_one_whom_another_hears_hands_over_to_that_one() {
        let all = nodes(&[1, 2, 3]);
        let cut = reach(&[3], &[(2, &[]), (3, &[1, 2])]);
        assert_eq!(cut.better(NodeId(1), &all, &all), Some(NodeId(3)));
        assert_eq!(cut.better(NodeId(1), &nodes(&[1, 2]), &all), None, "no voter hears more");
        let dead = reach(&[3], &[(2, &[]), (3, &[1])]);
        assert_eq!(dead.better(NodeId(1), &all, &all), None, "nobody hears it");
        let whole = reach(&[2, 3], &[(2, &[1, 3]), (3, &[1, 2])]);
        assert_eq!(whole.better(NodeId(1), &all, &all), None);
        let elsewhere = reach(&[2, 3], &[(2, &[1]), (3, &[1])]);
        assert_eq!(elsewhere.better(NodeId(1), &all, &all), None, "the two others are cut off from each other");
    }

    #[test]
    fn nobody_is_given_up_for_another() {
        let all = nodes(&[1, 2, 3, 4]);
        let trade = reach(&[3, 4], &[(2, &[]), (3, &[1, 2]), (4, &[1, 3])]);
        assert_eq!(trade.better(NodeId(1), &all, &all), None, "3 hears 2 and not 4, 4 doesn't hear 2");
        assert!(!trade.hears_as_many(NodeId(3), &all) && trade.hears_as_many(NodeId(4), &all));
        let most = reach(&[4, 5], &[(2, &[]), (3, &[]), (4, &[1, 2, 5]), (5, &[1, 2, 3, 4])]);
        let all = nodes(&[1, 2, 3, 4, 5]);
        assert_eq!(most.better(NodeId(1), &all, &all), Some(NodeId(5)), "it hears most");
    }

    #[test]
    fn old_reports_say_nothing() {
        let peers = BTreeMap::from([(NodeId(2), Duration::from_millis(10))]);
        let old = NeighbourNews {
            last_seen: Some(Duration::from_millis(10)),
            reported: Some(WINDOW),
            peers_last_seen: peers,
            ready: None,
        };
        let known = Reach::of(&BTreeMap::from([(NodeId(3), old)]), WINDOW);
        assert_eq!(known.better(NodeId(1), &nodes(&[1, 2, 3]), &nodes(&[1, 2, 3])), None);
        assert!(known.hears_as_many(NodeId(3), &nodes(&[1, 3])), "there is nobody else to hear");
    }
}
