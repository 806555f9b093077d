//! Floor 3: the use cases, the ports through which they reach the world, and the duties of a leader.
//!
//! A request goes down once: a listener calls a use case here, which turns it into commands and proposes them through
//! [`ports::ReplicatedLog`]; only answers come back. Nothing here owns a socket, a file or a thread, and nothing here
//! knows of tokio: whoever implements a port does.

pub mod addresses;
pub mod duties;
pub mod error;
pub mod panics;
pub mod ports;
pub mod use_cases;

pub use error::{ErrorCode, ServiceError};
pub use use_cases::{Facts, Service};
