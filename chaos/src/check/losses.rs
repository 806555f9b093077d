//! P6: back in seconds after the loss of a region, and while a line is cut.
//!
//! A fault is judged by what can be seen until the next one begins. Of the limits the promise says p99: among fewer
//! than 100 faults that is each of them, among more than that one in 100 may take longer.

use super::index::Index;
use super::recovery::{FLOWING_MAX_US, Measured, Recovery, WAITING_MAX_US};
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::Micros;

/// New messages flow 3 s later. They are judged while the fault is on, so one that is over sooner isn't.
pub const NEW_MESSAGES_FLOW: Check = Check {
    name: "p6_new_messages_flow",
    promise: Promise::P6,
    title: "New messages flow 3 s after a region is lost or a line is cut",
    of: "losses and cut lines",
    look: new_messages_flow,
};

/// What waited has arrived 5 s later, also when the fault was over sooner.
pub const WAITING_MESSAGES_FLOW: Check = Check {
    name: "p6_waiting_messages_flow",
    promise: Promise::P6,
    title: "What waited has arrived 5 s after a region is lost or a line is cut",
    of: "losses and cut lines with messages waiting",
    look: waiting_messages_flow,
};

/// One in so many losses may take longer: p99.
const LOSSES_PER_EXCEPTION: usize = 100;

fn new_messages_flow(index: &Index<'_>) -> Seen {
    look(index, |recovery| {
        let last = recovery.last_late.clone().unwrap_or_default();
        let judged = judge(recovery.flowing_allowed, FLOWING_MAX_US, 0);
        judged.map(|late| late.map(|after| format!("new messages flowed {after}; {last}")))
    })
}

fn waiting_messages_flow(index: &Index<'_>) -> Seen {
    let flight_us = index.history.setting.flight_max_us;
    look(index, |recovery| {
        let last = recovery.last_waiting.clone().unwrap_or_default();
        let judged = judge(recovery.waiting, WAITING_MAX_US, flight_us);
        judged.map(|late| late.map(|after| format!("what waited had arrived {after}; {last}")))
    })
}

/// Says whether a measurement can be judged, and if it can and is over the limit, what is wrong. What is measured at
/// the provider may have been `on_its_way` for so long.
fn judge(measured: Measured, max_us: Micros, on_its_way_us: Micros) -> Option<Option<String>> {
    let limit = seconds(max_us);
    match measured {
        Measured::Unseen => None,
        Measured::After(after) if after <= max_us + on_its_way_us => Some(None),
        Measured::After(after) => Some(Some(format!("only {} later (limit {limit})", seconds(after)))),
        Measured::NotIn(seen) if seen < max_us + on_its_way_us => None,
        Measured::NotIn(seen) => Some(Some(format!("not even {} later (limit {limit})", seconds(seen)))),
    }
}

fn look(index: &Index<'_>, late: impl Fn(&Recovery) -> Option<Option<String>>) -> Seen {
    let mut seen = Seen::default();
    for recovery in index.recoveries.iter().filter(|recovery| recovery.unjudged.is_none()) {
        let Some(late) = late(recovery) else { continue };
        seen.looked_at += 1;
        let (what, at) = (&recovery.what, seconds(recovery.fault.begun_us));
        seen.violations.extend(late.map(|late| format!("When {what} at {at}, {late}.")));
    }
    let exceptions = usize::try_from(seen.looked_at).unwrap_or(usize::MAX) / LOSSES_PER_EXCEPTION;
    if seen.violations.len() <= exceptions {
        seen.excused = std::mem::take(&mut seen.violations);
    }
    seen
}
