//! P3: an accepted message arrives, or its end is explained by what callers asked for and by faults.

use super::allowance::AFTERMATH_US;
use super::index::{Index, Sent};
use super::recovery::{NEW_LATE_US, WAITING_MAX_US};
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Answer, Class, Op};

/// What never arrived is `opted_out` where an opt-out was asked for, `expired` where a fault left no time, or `held`
/// where a fault caught a message of class `at_most_once`. Everything else is lost.
pub const ACCEPTED_MESSAGES_ARRIVE_OR_END: Check = Check {
    name: "p3_accepted_messages_arrive_or_end",
    promise: Promise::P3,
    title: "Every accepted message arrived, or its end has a cause",
    of: "accepted messages",
    look: accepted_messages_arrive_or_end,
};

/// Nobody is told that a recipient opted out who didn't.
pub const OPTED_OUT_ONLY_WHEN_ASKED: Check = Check {
    name: "p3_opted_out_only_when_asked",
    promise: Promise::P3,
    title: "A message is turned away because of an opt-out only when there was one",
    of: "messages turned away",
    look: opted_out_only_when_asked,
};

fn accepted_messages_arrive_or_end(index: &Index<'_>) -> Seen {
    let mut seen = Seen { looked_at: index.sent.len() as u64, ..Seen::default() };
    for sent in index.sent.values().filter(|sent| !index.arrivals.contains_key(sent.message)) {
        let ends = index.ends.get(sent.message).map_or(&[][..], Vec::as_slice);
        let mut wrong: Vec<String> = ends.iter().filter_map(|end| wrong(index, sent, end)).collect();
        wrong.dedup();
        if ends.is_empty() {
            wrong.push("nobody asked what became of it".to_owned());
        }
        let told = index.tell(sent);
        seen.violations.extend(wrong.iter().map(|wrong| format!("{told}, was accepted and never arrived: {wrong}.")));
    }
    seen
}

fn opted_out_only_when_asked(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    for call in index.history.calls.iter().filter(|call| call.answer == Answer::OptedOut) {
        let Op::Send { address, .. } = &call.op else { continue };
        seen.looked_at += 1;
        if !index.may_be_opted_out(address, call.ended_us) {
            let (listener, begun) = (index.name(call.listener), seconds(call.begun_us));
            seen.violations.push(format!(
                "{listener} turned a message to {address} away at {begun} because of an opt-out that nobody asked for."
            ));
        }
    }
    seen
}

/// Says what is wrong with the status of a message that never arrived, if something is.
fn wrong(index: &Index<'_>, sent: &Sent<'_>, end: &str) -> Option<String> {
    match end {
        "opted_out" if index.may_be_opted_out(sent.address, index.ended_us) => None,
        "opted_out" => Some("it is opted_out, and nobody asked for that".to_owned()),
        "expired" => wrongly_expired(index, sent),
        "held" => wrongly_held(index, sent),
        "unknown" => Some("no region knows it any more".to_owned()),
        "delivered" => Some("it is called delivered, and the provider never got it".to_owned()),
        "waiting" => Some("it still waits, though everything was mended".to_owned()),
        other => Some(format!("it is {other}, and the provider refuses nothing")),
    }
}

/// A message may expire when its time is over and it never had time to leave: no stretch of its life as long as a new
/// message may take was free of faults and of the 5 s that what waited may take after one.
fn wrongly_expired(index: &Index<'_>, sent: &Sent<'_>) -> Option<String> {
    let begun_us = sent.call.begun_us;
    if sent.expires_us > index.ended_us {
        return Some("it is expired, and its time wasn't over at the end of the run".to_owned());
    }
    let calm_us = index.longest_calm(begun_us, sent.expires_us, WAITING_MAX_US);
    let life = seconds(sent.expires_us - begun_us);
    let due_us = NEW_LATE_US + index.history.setting.flight_max_us;
    (calm_us > due_us)
        .then(|| format!("it expired after {life}, of which {} in a row were free of faults", seconds(calm_us)))
}

/// Of class `at_most_once` a message is held when its dispatch was claimed and nobody knows what came of it. That takes
/// a fault between its acceptance and the record of its dispatch.
fn wrongly_held(index: &Index<'_>, sent: &Sent<'_>) -> Option<String> {
    if sent.class != Class::AtMostOnce {
        return Some(format!("it is held, which only at_most_once may be, and it is {}", sent.class.name()));
    }
    let caught =
        index.history.faults.iter().any(|fault| index.may_catch(fault, sent.call.begun_us, sent.call.ended_us));
    let allowance = seconds(AFTERMATH_US);
    (!caught).then(|| format!("it is held, and no fault was on when it was sent, nor ended {allowance} before"))
}
