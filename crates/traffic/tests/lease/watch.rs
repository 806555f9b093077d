//! What the promises say, checked with everybody's knowledge at once.

use std::collections::BTreeMap;

use crate::network::{Entry, Kind};

/// Sees every commit, acknowledgement and beginning.
#[derive(Debug, Default)]
pub struct Watch {
    pub violation: Option<String>,
    pub counts: BTreeMap<&'static str, u64>,
    committed: Vec<Entry>,
    acknowledged: usize,
}

/// What a log's prefix says about the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct View {
    pub epoch: u64,
    pub adopted_at: usize,
    pub evacuated: Option<usize>,
    /// The index of the last takeover that took effect, by region.
    pub moved: [usize; 3],
}

impl View {
    pub fn of(log: &[Entry]) -> View {
        let mut view = View::default();
        for (position, entry) in log.iter().enumerate() {
            match entry.kind {
                Kind::Adopt { epoch, evacuated } if epoch > view.epoch => {
                    view = View { epoch, evacuated, adopted_at: position + 1, ..view };
                }
                Kind::Takeover { epoch, region } if epoch == view.epoch => view.moved[region] = position + 1,
                _ => {}
            }
        }
        view
    }
}

impl Watch {
    pub fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub fn committed(&mut self, log: &[Entry]) {
        let shared = self.committed.len().min(log.len());
        if self.committed[..shared] != log[..shared] {
            self.fail("consensus is broken, the simulation itself is at fault".into());
        }
        if log.len() > self.committed.len() {
            self.committed = log.to_vec();
        }
    }

    pub fn acknowledged(&mut self, index: usize) {
        self.acknowledged = self.acknowledged.max(index);
    }

    /// A dispatch of a message begins, or could, on `node`, on the ground of what it had applied when it checked.
    pub fn begins(&mut self, node: usize, log: &[Entry], applied: usize) {
        if applied < self.acknowledged {
            let acknowledged = self.acknowledged;
            self.fail(format!("fence: node {node} begins with {applied} applied, {acknowledged} is acknowledged"));
        }
        let view = View::of(&log[..applied]);
        let moved = View::of(&self.committed).moved[node];
        if view.evacuated != Some(node) && moved > applied {
            self.fail(format!("move: node {node} begins with {applied} applied, its messages moved at {moved}"));
        }
    }

    pub fn fail(&mut self, violation: String) {
        self.violation.get_or_insert(violation);
    }
}
