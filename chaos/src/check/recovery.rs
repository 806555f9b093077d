//! What came after each fault, as values. How it is measured is in [`super::span`], what the promise allows in
//! [`super::losses`].

use super::index::Index;
use super::span::Span;
use crate::history::{Fault, Micros};

/// How long after its call a new message is late.
pub const NEW_LATE_US: Micros = 1_000_000;

/// How long after the beginning of a fault new messages flow (P6).
pub const FLOWING_MAX_US: Micros = 3_000_000;

/// How long after the beginning of a fault everything that waited has arrived (P6).
pub const WAITING_MAX_US: Micros = 5_000_000;

/// How long after a fault it was until something held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// From so long after the beginning on it held; zero when it held all the time.
    After(Micros),
    /// It didn't hold yet so long after the beginning, when it couldn't be seen any longer.
    NotIn(Micros),
    /// There was nothing to see: the fault was too short, or nothing was asked for.
    Unseen,
}

/// What came after one fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The fault.
    pub fault: Fault,
    /// What it did, as the beginning of a sentence: "berlin was killed".
    pub what: String,
    /// Why it isn't judged: the promise isn't about it, or it didn't come alone, which takes that no other fault was on
    /// when it began, nor had ended less than 5 s before. Nothing when it is.
    pub unjudged: Option<&'static str>,
    /// How long after its beginning a listener that it doesn't touch last refused a message, or took more than a second
    /// to accept one; nothing when none did.
    pub accepting: Option<Micros>,
    /// When new messages flowed.
    pub flowing: Measured,
    /// The same, where a message may be on its way for as long as the run's setting says before it counts as late. This
    /// is what is judged, because a busy machine isn't the cluster's fault.
    pub flowing_allowed: Measured,
    /// The last new message that was late, in a sentence.
    pub last_late: Option<String>,
    /// When everything had arrived that waited; zero when nothing did that might have.
    pub waiting: Measured,
    /// The last waiting message to arrive, in a sentence.
    pub last_waiting: Option<String>,
    /// How many new messages were asked for.
    pub new: u64,
    /// How many messages waited.
    pub waited: u64,
    /// How many messages arrived more than once that this explains.
    pub doubled: u64,
    /// How many messages are held at the end that this explains.
    pub held: u64,
}

/// Measures what came after each fault.
pub fn measure(index: &Index<'_>) -> Vec<Recovery> {
    let faults = &index.history.faults;
    let spans = faults.iter().enumerate().map(|(place, fault)| {
        let next = faults[place + 1..].iter().find(|next| next.disturbs()).map(|next| next.begun_us);
        Span { index, fault, next_us: next.unwrap_or(index.ended_us) }
    });
    spans.map(|span| span.recovery()).collect()
}
