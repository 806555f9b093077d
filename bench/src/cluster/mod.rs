//! The development cluster that is measured, and what is asked of it.

mod development;

mod apps;
mod rest;
mod sandbox_stats;
mod used;

pub use apps::make_app;
pub use development::{DevelopmentCluster, region_of};
pub use rest::RestClient;
pub use sandbox_stats::SandboxStats;
pub use used::{Cost, Reading};
