//! What the checks look at.

use model::id::MessageId;

use crate::sim::faults::Tick;
use crate::sim::history::Records;
use crate::sim::operations::Answered;
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

impl<'a> Evidence<'a> {
    /// Returns the messages that were accepted, as clients know, and when they were asked for.
    pub(super) fn accepted(&self) -> impl Iterator<Item = (MessageId, Tick)> + use<'a> {
        self.records.operations.iter().filter_map(|operation| match &operation.answer {
            Some((_, Answered::Accepted(message))) => Some((*message, operation.from)),
            _ => None,
        })
    }
}
