//! The send lease (docs/lease.md): how a sender knows that its copy of what forbids sending is not too old, and how
//! a leader knows that every sender knows.
//!
//! Three machines, each for one group on one node. They hold no clock: `now` is always the reading of the node's own
//! clock that also runs in suspend, and two nodes' readings are never compared.
//!
//! - [`Holder`] asks for the lease and says whether a dispatch may begin (R3, R5, R9; it reports R10).
//! - [`Granter`] exists while the node leads the group: it grants (R1, R4, R6, R8), says when an index that forbids
//!   sending is acknowledged (R7), and when a region's waiting messages may be moved (R11).
//! - [`Voter`] says when the node may vote (R2, and R1's last sentence).
//!
//! R12 and R13 are rules of applying commands and live in `registry`.
//!
//! What they keep together, under loss, delay and reordering of messages, clock rates within rho, crashes, elections
//! and transfers (`tests/lease`; docs/lease.md, "How it was checked"):
//!
//! - **fence**: once the index O is acknowledged, no permit that was given without O applied leads to a dispatch that
//!   begins.
//! - **move**: once a takeover of a region is committed, no permit of that region that was given without the takeover,
//!   or
//!   the plan that it belongs to, applied leads to a dispatch that begins.
//!
//! Why they hold. A grant that is decided at t lets its holder begin until t + D/(1-rho) + G at most, which W covers.
//! Nobody else leads at t, because a quorum answered a heartbeat sent after t - E and refuses votes for V (R1, R2); so
//! a later tenure begins after t, and waits W from there (R6). Whoever counts a holder as lapsed is sure in the same
//! way that nobody granted behind its back. And a holder whose lease lapsed gets a usable one only after applying all
//! that could have been acknowledged meanwhile (R4, R5).

mod granter;
mod holder;
mod pending;
mod terms;
mod voter;

pub use granter::{Acknowledgement, Decision, Granter, Reason, TakeoverBasis};
pub use holder::{Answer, Holder, NoPermit, Permit};
pub use terms::{Grant, HolderId, Host, Renewal, Report, Tenure};
pub use voter::Voter;
