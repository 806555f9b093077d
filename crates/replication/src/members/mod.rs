//! Who is a member of the groups: the operator's changes, and the way back of a node that lost its disk.

pub(crate) mod alarms;
pub(crate) mod candidate;
pub(crate) mod cluster_port;
pub(crate) mod left;
pub(crate) mod membership;
pub(crate) mod part;
pub(crate) mod rejoin;
pub(crate) mod start_number;
