//! Counting what sending looks like from this node.

use metrics::{counter, histogram};
use service::ports::{Observation, Observations};

/// Turns observations into metrics: dispatches by channel and result, and how long they took.
#[derive(Debug, Clone, Copy, Default)]
pub struct SendCounters;

impl Observations for SendCounters {
    fn observe(&self, observations: &[Observation]) {
        for Observation::Dispatch { channel, delivered, took } in observations {
            let result = if *delivered { "delivered" } else { "failed" };
            counter!("signalbox_dispatches_total", "channel" => channel.as_str(), "result" => result).increment(1);
            histogram!("signalbox_dispatch_seconds", "channel" => channel.as_str()).record(took.as_secs_f64());
        }
    }
}
