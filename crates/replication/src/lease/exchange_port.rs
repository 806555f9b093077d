//! The port by which a node tells the others what it counted, and hears them.

use service::ports::CountExchange;
use traffic::observed::{NodeSecond, Reporter};

use crate::node::replication::Replication;

impl CountExchange for Replication {
    fn tell(&self, second: NodeSecond) {
        self.node().seconds.tell(second);
    }

    fn heard(&self) -> Vec<(Reporter, NodeSecond)> {
        self.node().seconds.heard()
    }
}
