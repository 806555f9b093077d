//! Limits of single values, the same at both listeners. Each check takes the name that the caller's protocol has for
//! the member, so that its error names what the caller wrote. Limits that need state are checked when a change is
//! applied.

mod contents;
mod resources;
mod values;

pub(crate) use contents::{ContentNames, content, trace};
pub use resources::BODY_MAX;
pub(crate) use resources::{ChannelNames, ENDPOINT_REQUEST_MAX, MESSAGES_REQUEST_MAX, PatchNames, app, channel, patch};
pub(crate) use values::some;
