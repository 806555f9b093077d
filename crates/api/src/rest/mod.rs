//! The REST listener: Amazon Pinpoint's API (rest-json, AWS Signature Version 4) on HTTP/1.1, with the pages that
//! machines and providers ask for. The shapes follow the wire facts of the Pinpoint API; bodies hold payloads without
//! their wrappers.

mod listener;
mod router;
mod state;

mod admission;
mod intake;
mod operation_table;
mod operations;
mod signature;

mod call;
mod callback_room;
mod callbacks;
mod carry_out;
mod pages;

mod apps;
mod channels;
mod endpoint_request;
mod endpoint_response;
mod endpoints;
mod message_content;
mod message_email;
mod message_member;
mod message_request;
mod message_response;
mod messages;

mod error;
mod json;
mod query_error;
mod reply;
mod times;

pub use crate::limits::BODY_MAX;
pub use listener::serve;
pub use router::router;
pub use state::{Limits, MetricsText, Readiness, RestApi, RestApiParts};
