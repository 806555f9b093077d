//! Floor 1: who may do what. Pure values: a listener finds out who calls, and asks here whether that principal may.
//!
//! [`Grant`] is the only form of permission so far. Policies written as documents become a further variant of it,
//! decided in [`Grant::allows`]; no caller of [`authorize`] changes then.

mod action;
mod grant;

pub use action::{ACTIONS, Action, UnknownAction};
pub use grant::{Denied, Grant, Principal, authorize};
