//! Any value of the model, for property tests.

mod values;

mod endpoints;
mod nouns;

mod proposals;

pub(crate) use endpoints::{deleted_endpoint, endpoint};
pub(crate) use nouns::*;
pub(crate) use proposals::{follow_up_action, outcome, proposal, request_row};
pub(crate) use values::lists;
