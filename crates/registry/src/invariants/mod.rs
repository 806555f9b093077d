//! What is true of a group's tables after every command. Each rule has a name; tests and checks of a node's state call
//! them. They read whole tables, so that no hot path may.

mod broken;
mod check;

mod endpoints;
mod follow_ups;
mod messages;
mod pieces;

pub use broken::Broken;
pub use check::check_all;
