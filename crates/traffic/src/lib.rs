//! Floor 1: where traffic goes and who may send it. The traffic plan and its changes, the route of a recipient, the
//! send lease with its timing, the time that entries are stamped with, which regions are ready, who should lead, the
//! verdict that one is lost, how it comes back, and what a restart does to the plan.
//!
//! Values and state machines only: no IO, clock, randomness, serde or protobuf, and no map with random order. The time
//! is an argument everywhere.

pub mod cluster_time;
pub mod failback;
pub mod health;
pub mod lease;
pub mod lines;
pub mod loss;
pub mod observed;
pub mod planning;
pub mod reach;
pub mod readiness;
pub mod restart;
pub mod route;
pub mod timing;

pub use planning::{PlanError, Why};
pub use route::route;
pub use timing::{ElectionTiming, LeaseTiming, TimingError, TimingFields};
