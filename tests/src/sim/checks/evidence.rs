//! What the checks look at.

use crate::sim::faults::Tick;
use crate::sim::history::Records;
use crate::sim::replica::Replicas;
use crate::sim::settings::Settings;

/// How far a group's time may be off.
pub const TIME_OFF_MS: Tick = 1_000;

/// What there is to check.
pub struct Evidence<'a> {
    /// What was wrong with raising the version.
    pub builds: &'a [String],
    /// What the run was made from.
    pub settings: &'a Settings,
    /// What happened.
    pub records: &'a Records,
    /// What the replicas hold at the end.
    pub replicas: &'a Replicas,
    /// What is not as it should be although everything was healed for long; empty when all came to rest.
    pub unsettled: &'a [String],
    /// Panics.
    pub panics: &'a [String],
}
