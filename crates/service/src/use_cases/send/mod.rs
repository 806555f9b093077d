//! Sending messages: what is asked, what was answered before, who gets what, and what partitions accept.

mod outcome;
mod request;

mod batches;
mod pieces;
mod resolve;

mod earlier;
mod propose;

mod accept;

pub use outcome::SendOutcome;
pub use request::{SendAnswer, SendRequest, SendTarget, To};
