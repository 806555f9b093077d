//! The gRPC listener: Signalbox's own API (`proto/signalbox/v1`) for apps and operators, with the health and reflection
//! services. Requests are parsed by `wire`, limits are those of the REST listener, and every service calls the use
//! cases.

mod admission;
mod counted;
mod error;
mod listener;
mod metadata;
mod state;

mod accounting;
mod apps;
mod cluster;
mod endpoints;
mod health;
mod messages;
mod opt_out_pages;
mod opt_outs;
mod traffic;
mod watch;

pub use listener::serve;
pub use metadata::{KEY_ID, KEY_SECRET};
pub use state::{GrpcApi, GrpcApiParts, GrpcLimits};
