//! The ports: what the use cases and the edges ask of each other. An edge implements some and is given others; they
//! meet in `node`.
//!
//! Clock, network, storage, randomness and providers come in only through traits, so that the same code runs in the
//! simulator.

mod alarms;
mod cluster;
mod contents;
mod counts;
mod health;
mod leases;
mod log;
mod neighbours;
mod permits;
mod providers;
mod reads;
mod time;
mod world;

pub use alarms::Alarms;
pub use cluster::{ClusterControl, ClusterError, ClusterStatus, GroupStatus, TimeLeap};
pub use contents::{Destinations, PreparedContent};
pub use counts::CountExchange;
pub use health::{HealthReport, HealthReports};
pub use leases::Leases;
pub use log::{Applied, LogError, ReplicatedLog};
pub use neighbours::{NeighbourNews, Neighbours};
pub use permits::{NoPermit, Permit, SendPermits};
pub use providers::{CallbackError, CallbackHead, DispatchObservation, Observations, ProviderEvents, SendObservation};
pub use reads::{Look, Reads, ReadsError};
pub use time::GroupTime;
pub use world::{BoxFuture, Clock, Random};
