//! The way of a proposal on the node where it was made: the port takes it, the proposer merges it with others into an
//! entry, which is written here when this node leads and forwarded when another does.

mod applicable;
pub(crate) mod attempts;
pub(crate) mod batch;
pub(crate) mod done;
mod fenced;
pub(crate) mod forward;
pub(crate) mod leader_hint;
pub(crate) mod own;
pub(crate) mod pace;
pub(crate) mod proposal_port;
pub(crate) mod propose;
pub(crate) mod proposer;
pub(crate) mod room;
mod send_off;
pub(crate) mod submission;
pub(crate) mod tries;
mod work_off;
pub(crate) mod write;
