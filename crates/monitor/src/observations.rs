//! Counting what sending looks like from this node.

use metrics::{counter, histogram};
use service::ports::{DispatchObservation, Observations};

/// Turns observations into metrics: dispatches by channel and result, and how long batches took.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendCounters;

impl Observations for SendCounters {
    fn observe(&self, observation: &DispatchObservation) {
        let channel = observation.channel.as_str();
        for (result, count) in &observation.results {
            counter!("signalbox_dispatches_total", "channel" => channel, "result" => *result).increment(*count);
        }
        histogram!("signalbox_dispatch_seconds", "channel" => channel).record(observation.took.as_secs_f64());
    }
}
