//! Opt-outs.

use model::channel::Channel;
use model::opt_out::{ListedOptOut, OptOut, OptOutSource};

use crate::codes::Coded as _;
use crate::error::InvalidField;
use crate::read::code_if_given;
use crate::v1;

impl From<OptOut> for v1::OptOut {
    fn from(opt_out: OptOut) -> v1::OptOut {
        v1::OptOut {
            app_id: opt_out.app.to_string(),
            recipient_key: opt_out.key.as_str().to_owned(),
            channel: opt_out.channel.wire_code(),
            source: opt_out.source.wire_code(),
            time_ms: opt_out.time.0,
            opt_out_list: String::new(),
        }
    }
}

/// One in a list, as it holds for messages of a channel.
impl From<(ListedOptOut, Channel)> for v1::OptOut {
    fn from((listed, channel): (ListedOptOut, Channel)) -> v1::OptOut {
        v1::OptOut {
            app_id: String::new(),
            recipient_key: listed.key.as_str().to_owned(),
            channel: channel.wire_code(),
            source: listed.source.wire_code(),
            time_ms: listed.time.0,
            opt_out_list: listed.list.as_str().to_owned(),
        }
    }
}

/// Parses where an opt-out came from; a request when nothing is given.
///
/// # Errors
/// When the number of the field is none.
pub fn parse_source(code: i32, field: &str) -> Result<OptOutSource, InvalidField> {
    code_if_given(code, field).map(|source| source.unwrap_or(OptOutSource::Request))
}
