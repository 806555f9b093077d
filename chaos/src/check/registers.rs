//! P2: an acknowledged write survives. Registers are written by one client each, in order, one write at a time, with
//! values that rise; every listener answers a read from its own replica.
//!
//! **Which values are legal.** The log orders writes that were acknowledged as their values are: each was acknowledged
//! before the next began. A write with an unknown outcome is concurrent with everything after its beginning: it may
//! have had its effect at once, later than writes that were acknowledged after it, or never. So its value is legal at
//! any time, also when it is lower than an acknowledged one, and that one isn't lost: it was overwritten.
//!
//! **Left out.** That a read sees what another listener acknowledged a moment ago is not promised, and not checked.

use std::collections::BTreeMap;

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Answer, Call, Micros, Op, Region};

/// How far a replica may be behind what was acknowledged, when nothing is wrong. A majority has the write by then; the
/// third replica gets and applies it half a round trip later, and this is ten times as long.
const REPLICA_LAG_US: Micros = 1_000_000;

/// How long after its caller gave up a write may have its effect: as long as a node works on a call.
const LATE_EFFECT_US: Micros = 10_000_000;

/// Reads that began once everything was calm return the highest acknowledged value, or a legal later one.
pub const ACKNOWLEDGED_WRITES_SURVIVE: Check = Check {
    name: "p2_acknowledged_writes_survive",
    promise: Promise::P2,
    title: "Acknowledged writes are there at the end, in every region",
    of: "reads after the last fault",
    look: acknowledged_writes_survive,
};

/// Once everything is calm and nothing is written any more, all listeners return the same.
pub const LISTENERS_READ_THE_SAME: Check = Check {
    name: "p2_listeners_read_the_same",
    promise: Promise::P2,
    title: "At the end all regions return the same value",
    of: "reads after the last write",
    look: listeners_read_the_same,
};

/// A listener that has shown a value doesn't show one that was acknowledged before that was written. A node that was
/// killed may: it applies its log again, as far as the others tell it that it is committed, and answers meanwhile.
pub const READS_NEVER_GO_BACK: Check = Check {
    name: "p2_reads_never_go_back",
    promise: Promise::P2,
    title: "A region that has shown a value doesn't show an older one later, unless it was restarted",
    of: "reads after another one",
    look: reads_never_go_back,
};

/// A value that is read was written by a write that began before the read ended, and that wasn't refused.
pub const READS_SEE_ONLY_WHAT_WAS_WRITTEN: Check = Check {
    name: "p2_reads_see_only_what_was_written",
    promise: Promise::P2,
    title: "No read returns a value that nobody wrote, or whose write was refused",
    of: "reads",
    look: reads_see_only_what_was_written,
};

struct Read<'a> {
    call: &'a Call,
    register: &'a str,
    value: Option<u64>,
}

/// The writes of each register, by value.
type Writes<'a> = BTreeMap<&'a str, Vec<(u64, &'a Call)>>;

fn acknowledged_writes_survive(index: &Index<'_>) -> Seen {
    let (writes, mut seen) = (writes(index), Seen::default());
    let settled_us = index.history.settled_us();
    for read in reads(index).filter(|read| read.call.begun_us > settled_us) {
        seen.looked_at += 1;
        let Some(of_register) = writes.get(read.register) else { continue };
        let is_old = |call: &Call| call.ended_us + REPLICA_LAG_US <= read.call.begun_us;
        let newest =
            of_register.iter().filter(|(_, call)| call.answer == Answer::Done && is_old(call)).max_by_key(|w| w.0);
        let Some((newest, write)) = newest else { continue };
        let may_be_late = |value| find(of_register, value).is_some_and(|(_, call)| call.answer != Answer::Done);
        if read.value.is_none_or(|value| value < *newest && !may_be_late(value)) {
            let (told, at) = (tell(index, &read), seconds(write.ended_us));
            seen.violations.push(format!("{told}, but {newest} was acknowledged at {at}."));
        }
    }
    seen
}

fn listeners_read_the_same(index: &Index<'_>) -> Seen {
    let (writes, mut seen) = (writes(index), Seen::default());
    let settled_us = index.history.settled_us();
    let mut first: BTreeMap<&str, Read<'_>> = BTreeMap::new();
    for read in reads(index).filter(|read| read.call.begun_us > settled_us) {
        let of_register = writes.get(read.register).into_iter().flatten();
        if of_register.map(|(_, call)| had_effect_by(call)).any(|by| by > read.call.begun_us) {
            continue;
        }
        seen.looked_at += 1;
        let first = first.entry(read.register).or_insert_with(|| Read { ..read });
        if first.value != read.value {
            let (first, second) = (tell(index, first), tell(index, &read));
            seen.violations.push(format!("{first}, and {second}, and nothing was written in between."));
        }
    }
    seen
}

fn reads_never_go_back(index: &Index<'_>) -> Seen {
    let (writes, mut seen) = (writes(index), Seen::default());
    let mut highest: BTreeMap<(Region, &str), Read<'_>> = BTreeMap::new();
    for read in reads(index) {
        let place = (read.call.listener, read.register);
        let Some(before) = highest.get(&place) else {
            highest.insert(place, read);
            continue;
        };
        if was_stopped(index, before.call, read.call) {
            highest.insert(place, read);
            continue;
        }
        seen.looked_at += 1;
        let of_register = writes.get(read.register).map_or(&[][..], Vec::as_slice);
        if before.call.ended_us <= read.call.begun_us && goes_back(of_register, before.value, read.value) {
            seen.violations.push(format!("{}, after {}.", tell(index, &read), tell(index, before)));
        } else if read.value > before.value {
            highest.insert(place, read);
        }
    }
    seen
}

fn reads_see_only_what_was_written(index: &Index<'_>) -> Seen {
    let (writes, mut seen) = (writes(index), Seen::default());
    for read in reads(index) {
        seen.looked_at += 1;
        let Some(value) = read.value else { continue };
        let write = writes.get(read.register).and_then(|of_register| find(of_register, value));
        let why = match write {
            None => "which nobody wrote".to_owned(),
            Some((_, call)) if matches!(call.answer, Answer::Refused { .. }) => "whose write was refused".to_owned(),
            Some((_, call)) if call.begun_us > read.call.ended_us => {
                format!("which was written only from {}", seconds(call.begun_us))
            }
            Some(_) => continue,
        };
        seen.violations.push(format!("{}, {why}.", tell(index, &read)));
    }
    seen
}

/// Says whether a value was acknowledged before the one was written that was read earlier.
fn goes_back(writes: &[(u64, &Call)], before: Option<u64>, after: Option<u64>) -> bool {
    let Some((_, newer)) = before.and_then(|before| find(writes, before)) else { return false };
    let Some(after) = after else { return true };
    find(writes, after).is_some_and(|(_, older)| older.answer == Answer::Done && older.ended_us <= newer.begun_us)
}

fn was_stopped(index: &Index<'_>, from: &Call, to: &Call) -> bool {
    let mut stops = index.history.faults.iter().filter(|fault| fault.stops() && fault.region == to.listener);
    stops.any(|fault| from.begun_us <= fault.ended_us && fault.begun_us <= to.ended_us)
}

fn had_effect_by(call: &Call) -> Micros {
    match call.answer {
        Answer::Done => call.ended_us + REPLICA_LAG_US,
        Answer::Refused { .. } => 0,
        _ => call.ended_us + LATE_EFFECT_US,
    }
}

fn find<'a>(writes: &[(u64, &'a Call)], value: u64) -> Option<(u64, &'a Call)> {
    let place = writes.binary_search_by_key(&value, |(written, _)| *written).ok()?;
    writes.get(place).copied()
}

fn writes<'a>(index: &Index<'a>) -> Writes<'a> {
    let mut writes: Writes<'a> = BTreeMap::new();
    for call in &index.history.calls {
        if let Op::Write { register, value } = &call.op {
            writes.entry(register).or_default().push((*value, call));
        }
    }
    for of_register in writes.values_mut() {
        of_register.sort_by_key(|(value, _)| *value);
    }
    writes
}

fn reads<'a>(index: &Index<'a>) -> impl Iterator<Item = Read<'a>> {
    index.history.calls.iter().filter_map(|call| match (&call.op, &call.answer) {
        (Op::Read { register }, Answer::Value { value }) => Some(Read { call, register, value: *value }),
        _ => None,
    })
}

fn tell(index: &Index<'_>, read: &Read<'_>) -> String {
    let value = read.value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
    let (listener, at) = (index.name(read.call.listener), seconds(read.call.begun_us));
    format!("{listener} returned {value} for {} at {at}", read.register)
}
