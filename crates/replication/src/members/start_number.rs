//! The number of a node's start, its incarnation: larger than that of every earlier start, also when the data folder,
//! where the node counts, was lost. Then the count begins anew, and the cluster says what it came to before:
//!
//! - what any other member knows in this moment, from its replica or as the group's leader, comes with the answers that
//!   the node waits for anyway before it takes part (`rejoin`);
//! - what only the log knows is in the node's own replica once that has caught up.
//!
//! Until then the node proposes nothing in the group and asks for no lease there. So a number that is known already,
//! be it the same one, comes from another life: the node stops, counts on from it, and begins again.

use model::id::{Incarnation, NodeId};
use registry::tables::{Incarnations, ReadRows, TableError};

use crate::node::group::Group;
use crate::node::shared::Node;

/// Returns the latest incarnation of a node that this one knows of in a group; 0 when it knows of none.
pub(crate) fn known(node: &Node, group: &Group, of: NodeId) -> Result<Incarnation, TableError> {
    let replicated = ReadRows::<Incarnations>::get(&*node.state.view(group.id), &of)?;
    let asked = group.lease.incarnation(of);
    let forwarded = node.proposer(group.id).and_then(|proposer| proposer.incarnation(of));
    Ok([replicated, asked, forwarded].into_iter().flatten().max().unwrap_or_default())
}

/// Says whether this start's number is a new one, and stops the node if not. Called before this start has said anything
/// in the group.
pub(crate) fn is_new(node: &Node, group: &Group, known: Incarnation) -> bool {
    let new = known < node.incarnation;
    if !new {
        tracing::info!(group = group.id.0, %known, own = %node.incarnation, "incarnation outdated");
        node.fatal.outdated(known);
    }
    new
}
