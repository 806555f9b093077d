//! Who is a member where that changes in a run: a region's node and a spare one take turns. The operator says what is
//! wanted, and goes on where an earlier one was cut off; the nemesis empties and starts again what was removed.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::id::NodeId;

use super::history::Place;
use super::layout::Layout;
use super::world::SimRandom;

/// A node of so many is lost for good, with its disk, before the spare one takes its place.
const LOST_ONE_IN: u64 = 3;

/// Who is a member.
pub struct Members(Mutex<State>);

#[derive(Default)]
struct State {
    /// Nodes that have been outside the cluster: they join it and never found it.
    joining: BTreeSet<NodeId>,
    /// Nodes that are not members.
    spare: BTreeSet<NodeId>,
    /// Members that may be removed.
    members: BTreeSet<NodeId>,
    /// What the operator is about to do.
    adding: Option<NodeId>,
    removing: Option<(NodeId, Option<Place>)>,
    /// Nodes that the nemesis is to destroy, and those that it destroyed: they don't start again before they are removed.
    to_lose: BTreeSet<NodeId>,
    lost: BTreeSet<NodeId>,
    /// Nodes that it is to empty and to start again.
    removed: Vec<(NodeId, Option<Place>)>,
}

/// What an operator does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Adds a node and makes it a voter.
    Add(NodeId),
    /// Removes a node.
    Remove(NodeId),
}

impl Members {
    /// Begins with the founders.
    pub fn new(layout: Layout) -> Members {
        let spare: BTreeSet<NodeId> = layout.spare().iter().copied().collect();
        let (joining, members) = (spare.clone(), layout.replaceable().iter().copied().collect());
        Members(Mutex::new(State { joining, spare, members, ..State::default() }))
    }

    /// Says whether a start of a node may be that of a new cluster.
    pub fn may_found(&self, node: NodeId) -> bool {
        !self.lock().joining.contains(&node)
    }

    /// Says whether a node is outside the cluster: its replicas are nobody's.
    pub fn is_outside(&self, node: NodeId) -> bool {
        self.lock().spare.contains(&node)
    }

    /// Returns what is to be done next: what was begun, or something new if that is wanted.
    pub fn next(&self, random: &SimRandom, anew: bool) -> Option<Change> {
        let mut state = self.lock();
        if state.adding.is_none() && state.removing.is_none() && anew {
            match state.spare.first().copied() {
                Some(spare) => state.begin_add(spare, random.below(LOST_ONE_IN) == 0),
                None => state.begin_remove(random),
            }
        }
        let adding = state.adding.map(Change::Add);
        adding.or_else(|| state.removing.map(|(node, _)| Change::Remove(node)))
    }

    /// Notes where the removal or the loss of a node is recorded, unless it is known.
    pub fn removal_begins(&self, node: NodeId, record: impl FnOnce() -> Place) {
        let mut state = self.lock();
        if let Some((removing, place)) = &mut state.removing
            && *removing == node
        {
            place.get_or_insert_with(record);
        }
    }

    /// Notes that a change was made.
    pub fn made(&self, change: Change) {
        let mut state = self.lock();
        match change {
            Change::Add(node) => {
                state.adding = None;
                state.spare.remove(&node);
                state.members.insert(node);
            }
            Change::Remove(node) => {
                let removed = state.removing.take();
                state.removed.extend(removed);
                state.members.remove(&node);
                state.joining.insert(node);
            }
        }
    }

    /// Says whether something was begun that isn't done.
    pub fn is_changing(&self) -> bool {
        let state = self.lock();
        state.adding.is_some() || state.removing.is_some() || !state.removed.is_empty()
    }

    /// Returns the nodes that are lost for good from now on.
    pub fn take_lost(&self) -> BTreeSet<NodeId> {
        let mut state = self.lock();
        let lost = std::mem::take(&mut state.to_lose);
        state.lost.extend(&lost);
        lost
    }

    /// Says whether a node is lost for good.
    pub fn is_lost(&self, node: NodeId) -> bool {
        self.lock().lost.contains(&node)
    }

    /// Returns the nodes that were removed, with the records of that; they are spare from now on.
    pub fn take_removed(&self) -> Vec<(NodeId, Option<Place>)> {
        let mut state = self.lock();
        let removed = std::mem::take(&mut state.removed);
        for (node, _) in &removed {
            state.spare.insert(*node);
            state.lost.remove(node);
        }
        removed
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin_add(&mut self, spare: NodeId, lost: bool) {
        self.adding = Some(spare);
        if let Some(lost) = self.members.first().copied().filter(|_| lost) {
            self.to_lose.insert(lost);
            self.removing = Some((lost, None));
        }
    }

    fn begin_remove(&mut self, random: &SimRandom) {
        let members: Vec<NodeId> = self.members.iter().copied().collect();
        if members.len() > 1 {
            self.removing = Some((members[random.below(members.len() as u64) as usize], None));
        }
    }
}
