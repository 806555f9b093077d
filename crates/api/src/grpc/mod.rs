//! The gRPC door: Signalbox's own API (`proto/signalbox/v1`) for apps and operators, with the health and reflection
//! services. Requests are parsed by `wire`, limits are those of the REST door, and every service calls the use cases.

mod door;
mod error;
mod incoming;
mod listener;

mod apps;
mod books;
mod cluster;
mod endpoints;
mod messages;
mod opt_outs;
mod traffic;
mod watch;

pub use door::{GrpcDoor, GrpcDoorParts, GrpcLimits, KEY_ID, KEY_SECRET};
pub use listener::{router, serve};
