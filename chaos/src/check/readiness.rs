//! What `/readyz` says: a load balancer that believes it sends callers where they are answered.

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::{seconds, told};
use crate::history::{Fault, FaultKind, Micros, Region};

/// A listener that is cut off says so: without word of a majority for 3 s it is taken for cut off
/// (`replication::CONTACT_MAX`), and it is asked five times a second.
const TOLD_MAX_US: Micros = 3_000_000 + ASKED_EVERY_US;
/// How often it is asked, with what the answer takes on a busy machine.
const ASKED_EVERY_US: Micros = 1_000_000;
/// How long after a fault a listener may say that it isn't ready: a node that starts catches up first.
const BACK_MAX_US: Micros = 10_000_000;

/// A listener that hears no other region isn't ready.
pub const CUT_OFF_LISTENERS_SAY_SO: Check = Check {
    name: "live_cut_off_listeners_say_so",
    promise: Promise::Liveness,
    title: "A region that is cut off says so within 3 s, so that callers are sent elsewhere",
    of: "isolated regions",
    look: cut_off_listeners_say_so,
};

/// A listener that nothing hit is ready all the time, whatever happens to others.
pub const OTHERS_STAY_READY: Check = Check {
    name: "live_others_stay_ready",
    promise: Promise::Liveness,
    title: "A region that nothing happened to never says that it isn't ready",
    of: "looks at /readyz that changed",
    look: others_stay_ready,
};

fn cut_off_listeners_say_so(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    let setting = &index.history.setting;
    let isolations = index.history.faults.iter().filter(|fault| fault.kind == FaultKind::Isolation);
    for fault in isolations.filter(|fault| Some(fault.region) != setting.witness) {
        let by_us = fault.begun_us + TOLD_MAX_US;
        if by_us > fault.ended_us {
            continue;
        }
        let Some(last) = index.history.readiness_at(fault.region, by_us) else { continue };
        seen.looked_at += 1;
        if last.ready {
            let (what, at, by) = (told(setting, fault), seconds(fault.begun_us), seconds(by_us));
            seen.violations.push(format!("When {what} at {at}, its listener still said at {by} that it is ready."));
        }
    }
    seen
}

fn others_stay_ready(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    for look in &index.history.readiness {
        seen.looked_at += 1;
        let excused = index.history.faults.iter().any(|fault| may_be_unready(fault, look.listener, look.at_us));
        if !look.ready && !excused {
            let (name, at) = (index.name(look.listener), seconds(look.at_us));
            seen.violations.push(format!("{name} said at {at}: {}.", look.said.trim()));
        }
    }
    seen
}

/// Says whether a fault is why a listener isn't ready: it hit that region, or a line of it.
fn may_be_unready(fault: &Fault, listener: Region, at_us: Micros) -> bool {
    fault.cuts_off(listener) && (fault.begun_us..=fault.ended_us + BACK_MAX_US).contains(&at_us)
}
