//! What the detector says.

use super::signal::Signal;

/// What is to be done, or why nothing is.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The second in which it was made.
    pub tick: u64,
    /// The region that it is about.
    pub region: usize,
    /// The part of its traffic that it is about.
    pub part: Part,
    /// What is to be done.
    pub advice: Advice,
    /// What it rests on, in a sentence.
    pub evidence: String,
}

/// A part of a channel's traffic in a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// All of it.
    Whole,
    /// What goes to one destination: a carrier or mailbox provider.
    Destination(usize),
}

/// What is to be done with a part of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Advice {
    /// Move it to other regions, and try it with probes.
    Shift {
        /// For how many seconds it stays away at least.
        hold: u64,
    },
    /// Give the region this share of it back.
    Return {
        /// From above 0 to 1, of what the region usually has.
        weight: f64,
    },
    /// Move only what is refused as too much.
    Shed {
        /// Which share that is.
        refused: f64,
    },
    /// Move nothing.
    Hold(Restraint),
}

/// Why nothing is moved though something fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Restraint {
    /// It fails in the other regions too, or they have not shown that they are better.
    Common,
    /// Without this app's messages nothing fails.
    App(usize),
    /// This destination fails in other regions too.
    Downstream(usize),
    /// It isn't known whether this destination is better elsewhere.
    Unproven(usize),
}

/// Why a part of the traffic was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Cause {
    /// What was sent went wrong.
    Signal(Signal),
    /// The region isn't heard.
    Silence,
}

/// What is wrong with a part of the traffic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Illness {
    pub(crate) cause: Cause,
    /// Which share of it fails.
    pub(crate) failing: f64,
}

/// What the channel's regions, destinations and apps are called, by their indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub struct Labels {
    pub regions: Vec<String>,
    pub destinations: Vec<String>,
    pub apps: Vec<String>,
}

/// What one look at a region says, before it is decided what follows.
#[derive(Debug, Clone)]
pub(crate) enum Opinion {
    /// A part is ill, and moving it helps.
    Ill { part: Part, illness: Illness, evidence: String },
    /// Something fails that is no reason to move anything, or only to move less.
    Note { part: Part, advice: Advice, evidence: String },
}
