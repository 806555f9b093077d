//! Randomness and messages of the simulation.

use std::rc::Rc;

use model::BootTime;
use model::address::mix;
use traffic::lease::{Grant, Renewal, Report};

/// A seeded source of choices.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(mix(seed ^ 0x5157_0a1b))
    }

    /// Returns one of 0..below.
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0) % below
    }

    /// Comes true in `count` of `of` cases.
    pub fn chance(&mut self, count: u32, of: u64) -> bool {
        self.below(of) < u64::from(count)
    }
}

/// What a log entry does. A region is its only node's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Blank,
    OptOut,
    Adopt { epoch: u64, evacuated: Option<usize> },
    Takeover { epoch: u64, region: usize },
}

/// An entry; `number` is unique, so that equal entries are the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    pub term: u64,
    pub number: u64,
    pub kind: Kind,
}

/// What nodes send to each other.
#[derive(Debug, Clone)]
pub enum Message {
    Heartbeat { term: u64, sent: BootTime },
    Heard { term: u64, sent: BootTime },
    Append { term: u64, log: Rc<Vec<Entry>>, commit: usize },
    Appended { term: u64, length: usize },
    HigherTerm { term: u64 },
    AskVote { term: u64, last: (u64, usize), transfer: bool },
    Vote { term: u64 },
    ElectNow { term: u64 },
    Renew(Renewal),
    Report(Report),
    Granted(Grant),
}
