//! P3: the provider gets what callers asked for, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use super::index::{Index, Sent};
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Answer, Arrival, Class, Micros, Op};

/// What arrives was accepted, for this address, in this class, by a call that had begun; or by a call whose outcome its
/// caller doesn't know, and by each of those one message at most.
pub const NOTHING_ARRIVES_THAT_NOBODY_SENT: Check = Check {
    name: "p3_nothing_arrives_that_nobody_sent",
    promise: Promise::P3,
    title: "Nothing arrives that nobody sent, nor at another address",
    of: "arrivals",
    look: nothing_arrives_that_nobody_sent,
};

/// How much earlier than its call a message may seem to arrive: the provider's times are of another clock, to the
/// millisecond.
const CLOCKS_APART_US: Micros = 100_000;

/// Messages of one class to one address.
type To<'a> = (&'a str, Class);

fn nothing_arrives_that_nobody_sent(index: &Index<'_>) -> Seen {
    let unknown = unknown_sends(index);
    let mut strangers: BTreeMap<To<'_>, BTreeSet<&str>> = BTreeMap::new();
    let mut seen = Seen { looked_at: index.history.arrivals.len() as u64, ..Seen::default() };
    for arrival in &index.history.arrivals {
        if let Some(sent) = index.sent.get(arrival.message.as_str()) {
            seen.violations.extend(wrong(index, sent, arrival));
            continue;
        }
        let to = (arrival.address.as_str(), arrival.class);
        let messages = strangers.entry(to).or_default();
        messages.insert(&arrival.message);
        let begun =
            unknown.get(&to).into_iter().flatten().filter(|begun_us| **begun_us <= arrival.at_us + CLOCKS_APART_US);
        if messages.len() > begun.count() {
            let (region, at) = (index.name(arrival.region), seconds(arrival.at_us));
            let (message, address) = (&arrival.message, &arrival.address);
            let found = format!("{message} from {region} reached {address} at {at}, and no call that was accepted");
            seen.violations.push(format!("{found}, or whose outcome is unknown, explains it."));
        }
    }
    seen
}

fn wrong(index: &Index<'_>, sent: &Sent<'_>, arrival: &Arrival) -> Option<String> {
    let as_sent = sent.address == arrival.address && sent.class == arrival.class;
    if as_sent && sent.call.begun_us <= arrival.at_us + CLOCKS_APART_US {
        return None;
    }
    let (address, class, at) = (&arrival.address, arrival.class.name(), seconds(arrival.at_us));
    Some(format!("{}, arrived at {address} as {class} at {at}.", index.tell(sent)))
}

/// Returns when the sends began whose outcome is unknown.
fn unknown_sends<'a>(index: &Index<'a>) -> BTreeMap<To<'a>, Vec<Micros>> {
    let mut unknown: BTreeMap<To<'_>, Vec<Micros>> = BTreeMap::new();
    for call in &index.history.calls {
        if let (Op::Send { address, class, .. }, Answer::Unknown { .. }) = (&call.op, &call.answer) {
            unknown.entry((address, *class)).or_default().push(call.begun_us);
        }
    }
    unknown
}
