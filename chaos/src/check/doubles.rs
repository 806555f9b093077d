//! P4: how often a message arrives.

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Arrival, Class};

/// Without exception: whoever asks for this class would rather have the message held.
pub const AT_MOST_ONCE: Check = Check {
    name: "p4_at_most_once",
    promise: Promise::P4,
    title: "A message that may arrive at most once doesn't arrive twice",
    of: "messages that arrived",
    look: at_most_once,
};

/// A message arrives again only when the region of an earlier arrival stopped or was cut off before it can have
/// recorded that one: each such arrival explains one more. One whose region was paused after it had begun needs no
/// explanation; what was sent in its place came before it.
pub const TWICE_ONLY_WHEN_CUT_OFF: Check = Check {
    name: "p4_twice_only_when_cut_off",
    promise: Promise::P4,
    title: "A message arrives twice only when a fault hit the region that had sent it",
    of: "messages that arrived",
    look: twice_only_when_cut_off,
};

fn at_most_once(index: &Index<'_>) -> Seen {
    look(index, Class::AtMostOnce, |arrivals| (arrivals.len() > 1).then_some(1))
}

fn twice_only_when_cut_off(index: &Index<'_>) -> Seen {
    look(index, Class::AtLeastOnce, |arrivals| {
        if arrivals.len() == 1 {
            return None;
        }
        let mut explained = 1;
        for (place, arrival) in arrivals.iter().enumerate() {
            if is_overtaken(index, arrival, &arrivals[..place]) {
                continue;
            }
            if explained == 0 {
                return Some(place);
            }
            explained -= 1;
            explained += u32::from(may_be_unrecorded(index, arrival));
        }
        None
    })
}

/// Says whether an arrival's sender was paused, and what was sent in its place may have come before.
fn is_overtaken(index: &Index<'_>, arrival: &Arrival, before: &[&Arrival]) -> bool {
    before.iter().any(|earlier| index.may_be_frozen(arrival.region, earlier.at_us, arrival.at_us))
}

fn may_be_unrecorded(index: &Index<'_>, arrival: &Arrival) -> bool {
    index.history.faults.iter().any(|fault| index.may_lose_result(fault, arrival.region, arrival.at_us))
}

/// Looks at every message of a class; `wrong` says which arrival should not have been, if one.
fn look(index: &Index<'_>, class: Class, wrong: impl Fn(&[&Arrival]) -> Option<usize>) -> Seen {
    let mut seen = Seen::default();
    for (message, arrivals) in index.arrivals.iter().filter(|(_, arrivals)| arrivals[0].class == class) {
        seen.looked_at += 1;
        let Some(place) = wrong(arrivals) else { continue };
        let (before, again) = (arrivals[place - 1], arrivals[place]);
        let (one, at) = (index.name(before.region), seconds(before.at_us));
        let (other, later) = (index.name(again.region), seconds(again.at_us));
        let (address, class_name) = (&before.address, class.name());
        let why = match class {
            Class::AtMostOnce => String::new(),
            Class::AtLeastOnce => format!(", and no fault of {one} explains that"),
        };
        seen.violations.push(format!(
            "{message} ({class_name}) reached {address} from {one} at {at} and again from {other} at {later}{why}."
        ));
    }
    seen
}
