//! The bytes of rows, proposals and outcomes.
//!
//! Encoding writes straight from the borrowed model value, so that nothing is cloned on the hot way; decoding goes
//! through the generated types and moves what they own. The two agree: a property test checks that every encoding is
//! byte for byte what the generated encoder would write.

mod bytes;
mod form;
mod plain;
mod writer;

mod ids;

mod app;
mod plan;
mod reading;

mod body;
mod content;
mod endpoint;
mod message;
mod opt_out;
mod rows;

mod command;
mod command_parts;
mod outcome;

#[cfg(test)]
pub(crate) mod tests;

pub use bytes::Stored;
pub(crate) use form::Form;
use writer::Writer;
