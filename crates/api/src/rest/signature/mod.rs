//! AWS Signature Version 4: what a request claims, and whether the claim is true.
//!
//! The canonical form is aws-sigv4's: the request is signed again with the claimed key, scope and time, and the two
//! signatures are compared in constant time. What signing can't check (the scope, the time, the key) is checked here.

mod claim;
mod denial;
mod verify;

pub(super) use claim::Claim;
pub(super) use denial::{Denial, SERVICE};
pub(super) use verify::{Scope, body_hash, known_key, verify};
