//! The heartbeats of all groups that this node leads, asked for at one time, so that those to one node go into one
//! call.
//!
//! openraft gives a heartbeat up after its own interval, which at the design's H would leave no room for a slow disk or
//! a busy link beside the round trip. So its interval is set to twice H, and here one is asked for at every H.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;
use traffic::LeaseTiming;

use crate::node::shared::Node;

/// Returns the interval that openraft is told.
pub(crate) fn raft_interval(timing: &LeaseTiming) -> Duration {
    timing.heartbeat() * 2
}

/// Asks for heartbeats until the node stops. Also looks whether all groups still run.
pub(crate) async fn run(node: Arc<Node>) {
    let mut ticker = tokio::time::interval(node.timing.heartbeat());
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticker.tick().await;
        for group in node.groups.values() {
            let beats = group.leading().is_none() || group.raft.trigger().heartbeat().await.is_ok();
            if node.report_stopped(group) || !beats {
                return;
            }
        }
    }
}
