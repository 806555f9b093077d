//! What a node finds of the health of sending.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::destination::Destination;
use model::id::RegionId;
use traffic::observed::{ChannelView, Finding};

/// What is known of the health of sending.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HealthReport {
    /// `act`, `observe` or `off`.
    pub mode: &'static str,
    /// How ill a channel must look in a region to be moved, in nats.
    pub threshold: f64,
    /// How each channel that sent anything looks in each region.
    pub views: Vec<ChannelView>,
    /// The latest findings, the oldest first; at most 100.
    pub recent: Vec<Finding>,
    /// The destinations that alone were moved away from a region.
    pub moved: Vec<(Channel, RegionId, Destination)>,
    /// What was found and didn't move anything: the evidence, with the rule that kept it from that.
    pub not_followed: BTreeMap<(Channel, RegionId), String>,
}

/// Where the report is read.
pub trait HealthReports: Send + Sync {
    /// Returns what this node finds now.
    fn report(&self) -> HealthReport;
}
