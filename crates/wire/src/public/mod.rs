//! Between the public contract ([`crate::v1`]) and the model: answers are made with `From`, requests are parsed with
//! `TryFrom`, whose errors name the field.
//!
//! A request's shape, ids and addresses are checked here. Limits that depend on more than one field, and everything
//! that needs state, are checked behind the listeners.

mod accounting;
mod app;
mod content;
mod endpoint;
mod message;
mod node;
mod opt_out;
mod plan;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::str::FromStr;

use model::channel::Channel;
use model::command::Resolution;
use model::content::Substitutions;
use model::id::InvalidId;
use model::message::Class;
use model::{AppId, EndpointId, MessageId, RegionId, RequestId};

pub use app::parse_channel_detail;
pub use content::channel_of;
pub use opt_out::parse_source;
pub use plan::{parse_frozen, parse_scope, parse_weights};

use crate::codes::Coded as _;
use crate::error::InvalidField;
use crate::read;
use crate::v1;

/// Parses an app's id.
///
/// # Errors
/// When the text of the field isn't one.
pub fn parse_app_id(text: &str, field: &str) -> Result<AppId, InvalidField> {
    hex_id(text, field)
}

/// Parses a message's id.
///
/// # Errors
/// When the text of the field isn't one.
pub fn parse_message_id(text: &str, field: &str) -> Result<MessageId, InvalidField> {
    hex_id(text, field)
}

/// Parses a request's id; nothing when the text is empty.
///
/// # Errors
/// When the text of the field isn't one.
pub fn parse_request_id(text: &str, field: &str) -> Result<Option<RequestId>, InvalidField> {
    if text.is_empty() { Ok(None) } else { hex_id(text, field).map(Some) }
}

fn hex_id<T: FromStr<Err = InvalidId>>(text: &str, field: &str) -> Result<T, InvalidField> {
    text.parse().map_err(|reason: InvalidId| InvalidField::new(field, reason))
}

/// Parses an endpoint's id and folds it to lower case.
///
/// # Errors
/// When the text of the field isn't one.
pub fn parse_endpoint_id(text: &str, field: &str) -> Result<EndpointId, InvalidField> {
    EndpointId::new(text).map_err(|reason| InvalidField::new(field, reason))
}

/// Parses a region's name.
///
/// # Errors
/// When the text of the field isn't one.
pub fn parse_region(text: &str, field: &str) -> Result<RegionId, InvalidField> {
    read::region(text, field)
}

/// Returns a channel's number in the contract.
pub fn channel_code(channel: Channel) -> i32 {
    channel.wire_code()
}

/// Parses a channel that must be given.
///
/// # Errors
/// When the number of the field is none.
pub fn parse_channel(code: i32, field: &str) -> Result<Channel, InvalidField> {
    read::code(code, field)
}

/// Parses a class; nothing when none is given.
///
/// # Errors
/// When the number of the field is none.
pub fn parse_class(code: i32, field: &str) -> Result<Option<Class>, InvalidField> {
    read::code_if_given(code, field)
}

/// Parses what becomes of held messages.
///
/// # Errors
/// When the number of the field is none.
pub fn parse_resolution(code: i32, field: &str) -> Result<Resolution, InvalidField> {
    read::code(code, field)
}

/// Takes the values of variables, or attributes, of a request.
pub fn parse_values(map: BTreeMap<String, v1::Values>) -> Substitutions {
    map.into_iter().map(|(name, values)| (name, values.values)).collect()
}

/// Makes the values of variables, or attributes, of an answer.
pub fn values(map: Substitutions) -> BTreeMap<String, v1::Values> {
    map.into_iter().map(|(name, values)| (name, v1::Values { values })).collect()
}
