//! P2: linearizable reads. Shared registers are written by several clients at once, at any listener, and are read with
//! everything that was acknowledged anywhere. No value is written twice.
//!
//! **Unknown outcomes.** A write with one may have its effect at any time after its beginning, or never. A read with
//! one says nothing. What was refused had no effect.
//!
//! **Once.** A write has one effect, also when the node that was asked had no answer for it and tried again
//! (docs/design/log.md, "Request ids, and trying again").

use std::collections::BTreeMap;

use super::index::Index;
use super::order::{Order, Step, What, narrow, search};
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Answer, Call, Op};

/// How much the search for an order of one register's calls may keep: some 100 MB. Few calls on one are under way at
/// once, so that it keeps little more than there are calls.
const KEPT_MAX: usize = 1_000_000;

/// The calls on each shared register can have had their effects one after the other. A register whose calls are too
/// many under way at once for the search is not judged.
pub const READS_ARE_LINEARIZABLE: Check = Check {
    name: "p2_linearizable_reads",
    promise: Promise::P2,
    title: "A linearizable read has every write that was acknowledged anywhere before",
    of: "calls on shared registers",
    look: reads_are_linearizable,
};

fn reads_are_linearizable(index: &Index<'_>) -> Seen {
    look(index, KEPT_MAX)
}

/// Looks, where the search of one register may keep so much.
pub(super) fn look(index: &Index<'_>, kept_max: usize) -> Seen {
    let mut seen = Seen::default();
    for (register, calls) in by_register(index) {
        seen.looked_at += calls.len() as u64;
        let mut steps: Vec<Step> = calls.iter().enumerate().filter_map(|(number, call)| step(number, call)).collect();
        narrow(&mut steps);
        match search(&steps, kept_max) {
            Order::Found => {}
            Order::Missing { stuck, held } => seen.violations.push(told(index, register, calls[stuck], held)),
            Order::GivenUp => seen.unjudged.push(format!(
                "too many of the {} calls on {register} were under way at once to search all their orders",
                calls.len()
            )),
        }
    }
    seen
}

/// Returns the calls on each shared register, in the order of their beginnings.
fn by_register<'a>(index: &Index<'a>) -> BTreeMap<&'a str, Vec<&'a Call>> {
    let mut registers: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in &index.history.calls {
        if let Op::WriteShared { register, .. } | Op::ReadShared { register } = &call.op {
            registers.entry(register).or_default().push(call);
        }
    }
    registers
}

/// Returns what a call says of the order; nothing when it says nothing.
fn step(number: usize, call: &Call) -> Option<Step> {
    let (what, ended) = match (&call.op, &call.answer) {
        (Op::WriteShared { value, .. }, Answer::Done) => (What::Write(*value), Some(call.ended_us)),
        (Op::WriteShared { value, .. }, Answer::Unknown { .. }) => (What::Write(*value), None),
        (Op::ReadShared { .. }, Answer::Value { value }) => (What::Read(*value), Some(call.ended_us)),
        _ => return None,
    };
    Some(Step { number, begun: call.begun_us, ended, what })
}

fn told(index: &Index<'_>, register: &str, stuck: &Call, held: Option<u64>) -> String {
    let value = |value: Option<u64>| value.map_or_else(|| "nothing".to_owned(), |value| value.to_string());
    let (listener, begun, ended) = (index.name(stuck.listener), seconds(stuck.begun_us), seconds(stuck.ended_us));
    let did = match &stuck.answer {
        Answer::Value { value: returned } => format!("returned {}", value(*returned)),
        _ => "was written".to_owned(),
    };
    let held = value(held);
    format!(
        "No order of the calls on {register} explains that {listener} {did} between {begun} and {ended}: by the one \
         that explains most before it, the register held {held}."
    )
}
