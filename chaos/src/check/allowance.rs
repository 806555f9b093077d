//! What a fault excuses, and for how long. The harness sees when a message arrived and when a call was answered, and
//! neither when a dispatch began nor when its result was recorded; the distance between them is bounded here.

use super::index::Index;
use crate::history::{Fault, FaultKind, Micros, Region};

/// How long the consequences of a fault may last after it began or ended: connections that look alive, an election, the
/// lapse of a lease, an evacuation. The simulation allows as much.
pub const AFTERMATH_US: Micros = 6_000_000;

/// How long it may take, when nothing is wrong, until a dispatch that arrived is recorded as such: the provider's
/// answer, a batch, and a majority's disks, which take a fifth of this on a busy machine.
const RECORDING_US: Micros = 1_000_000;

impl Fault {
    /// Says whether a region's node is stopped or held up by this, or doesn't hear or isn't heard by another one. A
    /// clock that jumps does nothing of it, and excuses nothing.
    pub fn cuts_off(&self, region: Region) -> bool {
        self.disturbs() && (self.region == region || self.other == Some(region))
    }

    /// Says whether this may delay anything.
    pub fn disturbs(&self) -> bool {
        self.kind != FaultKind::ClockJump
    }

    /// Says whether the node's process ends by this.
    pub fn stops(&self) -> bool {
        use FaultKind::{FullDisk, Kill, LostDisk, PowerCut, Replacement};
        matches!(self.kind, Kill | PowerCut | FullDisk | LostDisk | Replacement)
    }
}

impl Index<'_> {
    /// Returns by when something is done for certain that began at a time and takes `usual`, where every beginning and
    /// end of a fault may make it begin anew and take `disturbed`.
    pub fn done_by(&self, from_us: Micros, usual_us: Micros, disturbed_us: Micros) -> Micros {
        let faults = self.history.faults.iter().filter(|fault| fault.disturbs());
        let mut edges: Vec<Micros> = faults.flat_map(|fault| [fault.begun_us, fault.ended_us]).collect();
        edges.sort_unstable();
        edges
            .iter()
            .skip_while(|edge| **edge + disturbed_us < from_us)
            .fold(from_us + usual_us, |by, edge| if *edge <= by { by.max(edge + disturbed_us) } else { by })
    }

    /// Says whether a fault may have lost the result of a dispatch that arrived: it hit the dispatch's region before
    /// that was recorded for certain, and was not over, with what follows from it, when the message arrived.
    pub fn may_lose_result(&self, fault: &Fault, region: Region, arrived_us: Micros) -> bool {
        let recorded_by = self.done_by(arrived_us, RECORDING_US, AFTERMATH_US);
        fault.cuts_off(region) && fault.begun_us <= recorded_by && arrived_us <= fault.ended_us + AFTERMATH_US
    }

    /// Says whether a fault may have caught a message between its acceptance and its arrival, wherever it was: nobody
    /// outside knows which region had it.
    pub fn may_catch(&self, fault: &Fault, asked_us: Micros, answered_us: Micros) -> bool {
        let away_by = self.done_by(answered_us, RECORDING_US, AFTERMATH_US);
        fault.disturbs() && fault.begun_us <= away_by && asked_us <= fault.ended_us + AFTERMATH_US
    }

    /// Says whether a dispatch that arrived at a time may have begun before another time, and was held up by a pause of
    /// its region's process. A dispatch is checked, begins and leaves; a process that is stopped in between sends what
    /// is left when it continues (docs/lease.md, "Outside the promise").
    pub fn may_be_frozen(&self, region: Region, begun_by_us: Micros, arrived_us: Micros) -> bool {
        let flight_us = self.history.setting.flight_max_us;
        self.history.faults.iter().filter(|fault| fault.kind == FaultKind::Pause && fault.region == region).any(
            |pause| {
                pause.begun_us <= begun_by_us + flight_us
                    && (pause.begun_us..=pause.ended_us + flight_us).contains(&arrived_us)
            },
        )
    }

    /// Returns the longest stretch of a time in which no fault was on, nor ended less than `after` before.
    pub fn longest_calm(&self, from_us: Micros, to_us: Micros, after_us: Micros) -> Micros {
        let (mut calm_from, mut longest) = (from_us, 0);
        for fault in self.history.faults.iter().filter(|fault| fault.disturbs()) {
            longest = longest.max(fault.begun_us.min(to_us).saturating_sub(calm_from));
            calm_from = calm_from.max(fault.ended_us + after_us);
        }
        longest.max(to_us.saturating_sub(calm_from))
    }
}
