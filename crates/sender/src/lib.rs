//! Floor 4: the sender of one node. It takes the waiting messages of the node's region out of the outboxes, hands them
//! to providers under a send lease, and records what came of it. It owns the connections to providers and nothing else:
//! what may be sent is decided by the registry's rows, when by `delivery`, under which right by [`service::ports`].
//!
//! Rooms in reading order: [`config`] and [`Sender`] (how it starts and stops), [`feed`] (what apply tells it),
//! `partition` (the loop of one partition, with its critical section), [`journal`] (what began), [`driver`] and [`routes`] (who takes messages),
//! [`drivers`] (sandbox and webhook), [`callbacks`] and [`signature`] (what providers tell, and
//! whether it is they), [`records`] (what the sandbox shows of
//! events).

pub mod config;
mod sender;

pub mod feed;

mod content_room;
mod pacer;
mod partition;
mod shared;

pub mod journal;

pub mod driver;
pub mod routes;

pub mod callbacks;
pub mod signature;

pub mod drivers;
pub mod records;

pub use callbacks::{Callbacks, CallbacksConfig};
pub use config::{Limits, SenderConfig};
pub use driver::{Begin, BeginGuard, Delivery, Dispatch, Driver, DriverResult, Fault, Withdrawn};
pub use feed::{EffectFeed, Feeds};
pub use journal::{Journal, JournalError, JournalFile};
pub use routes::{Routes, RoutesError};
pub use sender::{Sender, Stopped};
pub use shared::{Ports, SenderFault};
