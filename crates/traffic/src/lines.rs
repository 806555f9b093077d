//! Lines between regions that are cut while both regions live: what nobody notices as long as a third one connects them.

use std::collections::BTreeSet;

use model::RegionId;
use model::cluster::NodeInfo;

use crate::readiness::Sight;

/// Names the pairs of regions, each in ascending order, of which some two nodes don't hear each other, though a node of a
/// third region heard both lately. Nothing is said of a node that doesn't report, because it may be gone.
pub fn cut_lines(sight: &Sight<'_>) -> BTreeSet<(RegionId, RegionId)> {
    let nodes: Vec<&NodeInfo> = sight.nodes.values().collect();
    let mut cut = BTreeSet::new();
    for (place, one) in nodes.iter().enumerate() {
        for other in nodes[..place].iter().filter(|other| other.region != one.region) {
            let pair = [&one.region, &other.region];
            let third = nodes.iter().filter(|third| !pair.contains(&&third.region));
            let connected = |third: &&&NodeInfo| sight.hears(third.id, one.id) && sight.hears(third.id, other.id);
            if (sight.has_lost(one.id, other.id) || sight.has_lost(other.id, one.id))
                && third.clone().any(|t| connected(&t))
            {
                let [low, high] = if one.region < other.region { pair } else { [pair[1], pair[0]] };
                cut.insert((low.clone(), high.clone()));
            }
        }
    }
    cut
}
