//! P1: no send after an acknowledged opt-out.

use std::collections::BTreeMap;

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Answer, Micros};

/// Addresses are never opted in again, so the first acknowledgement counts. What arrives later than the longest flight
/// after it began after it, with one exception that is shown as excused: a process that was paused between the
/// beginning of a dispatch and its end.
pub const NOTHING_AFTER_AN_OPT_OUT: Check = Check {
    name: "p1_nothing_after_an_opt_out",
    promise: Promise::P1,
    title: "Nobody gets a message after their opt-out was acknowledged",
    of: "acknowledged opt-outs",
    look: nothing_after_an_opt_out,
};

fn nothing_after_an_opt_out(index: &Index<'_>) -> Seen {
    let acknowledged = acknowledged(index);
    let mut seen = Seen { looked_at: acknowledged.len() as u64, ..Seen::default() };
    for arrival in &index.history.arrivals {
        let Some(acknowledged_us) = acknowledged.get(arrival.address.as_str()).copied() else { continue };
        if arrival.at_us <= acknowledged_us + index.history.setting.flight_max_us {
            continue;
        }
        let (region, at) = (index.name(arrival.region), seconds(arrival.at_us));
        let after = seconds(arrival.at_us - acknowledged_us);
        let (message, address) = (&arrival.message, &arrival.address);
        let found =
            format!("{message} from {region} reached {address} at {at}, {after} after its opt-out was acknowledged");
        if index.may_be_frozen(arrival.region, acknowledged_us, arrival.at_us) {
            seen.excused.push(format!("{found}; {region} was paused meanwhile, and may have begun to send it before"));
        } else {
            seen.violations.push(format!("{found}."));
        }
    }
    seen
}

fn acknowledged<'a>(index: &Index<'a>) -> BTreeMap<&'a str, Micros> {
    let done = index.opt_outs.iter().filter_map(|(address, calls)| {
        let done = calls.iter().filter(|call| call.answer == Answer::Done);
        done.map(|call| call.ended_us).min().map(|ended_us| (*address, ended_us))
    });
    done.collect()
}
