//! The cluster's time (docs/design/time.md): what entries are stamped with, so that no node's wall clock decides about
//! replicated state.
//!
//! In: readings of this node's two clocks, and what other nodes say of theirs, with the round trip of the call that
//! brought it. Out: the time now, what is wrong with whose clock, and what to store for the next start.
//!
//! - [`ClusterClock`] exists once on each node. Its *line* ties the cluster's time to the node's own clock that also
//!   runs in suspend; only that moves it, corrected towards the median of the regions' wall clocks at a bounded rate.
//! - [`GroupClock`] exists for each group on each node, and never goes back behind what the group was stamped with.
//!
//! What must always hold (`tests/cluster_time`): with one node's wall clock wrong, by anything, at any time, also at
//! elections and restarts, no leader stamps more than a second off true time, and a group's time never goes back.

mod census;
mod cluster_clock;
mod group_clock;
mod offset;
mod rules;
mod status;

pub use cluster_clock::{ClusterClock, Heard, NotBlocked, Record};
pub use group_clock::GroupClock;
pub use offset::Offset;
pub use rules::TimeRules;
pub use status::{Leap, OwnTime, Source, TimeStatus};
