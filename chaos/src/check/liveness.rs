//! The cluster is of use again once everything is mended.

use super::index::Index;
use super::report::{Check, Promise, Seen};
use super::words::seconds;
use crate::history::{Answer, Op};

/// What is asked for after the last fault and the time to settle is answered, at every listener. Unless every listener
/// was asked this is not tested.
pub const LISTENERS_ANSWER: Check = Check {
    name: "live_listeners_answer",
    promise: Promise::Liveness,
    title: "At the end every region answers every call",
    of: "calls after the last fault",
    look: listeners_answer,
};

/// Every listener that said whether it is ready says so at the end.
pub const LISTENERS_ARE_READY: Check = Check {
    name: "live_listeners_are_ready",
    promise: Promise::Liveness,
    title: "At the end every region says that it is ready",
    of: "regions",
    look: listeners_are_ready,
};

/// No listener answers that it is at fault itself, whatever goes on: faults are refusals, or outcomes that aren't
/// known.
pub const NO_LISTENER_IS_AT_FAULT: Check = Check {
    name: "live_no_listener_is_at_fault",
    promise: Promise::Liveness,
    title: "No listener answers that it is itself at fault",
    of: "calls",
    look: no_listener_is_at_fault,
};

/// How the answers of a node begin that is at fault, by gRPC and by REST.
const AT_FAULT: [&str; 2] = ["Internal: ", "500 "];
/// What is told in the same way and is no fault of the node: a connection that broke, as the client's own HTTP/2 says
/// it; and by REST, which has no code of its own for that, an outcome that isn't known.
const NO_FAULT: [&str; 2] = ["h2 protocol error", "may or may not"];

fn no_listener_is_at_fault(index: &Index<'_>) -> Seen {
    let calls = &index.history.calls;
    let mut seen = Seen { looked_at: calls.len() as u64, ..Seen::default() };
    for call in calls {
        let (Answer::Unknown { why } | Answer::Refused { why }) = &call.answer else { continue };
        if AT_FAULT.iter().any(|code| why.starts_with(code)) && !NO_FAULT.iter().any(|text| why.contains(text)) {
            let (listener, api, at) = (index.name(call.listener), call.api.name(), seconds(call.begun_us));
            seen.violations.push(format!("{listener} answered {} ({api}, at {at}): {why}.", name(&call.op)));
        }
    }
    seen
}

fn listeners_are_ready(index: &Index<'_>) -> Seen {
    let mut seen = Seen::default();
    for region in index.history.setting.serving() {
        let Some(last) = index.history.readiness_at(region, index.ended_us) else { continue };
        seen.looked_at += 1;
        if !last.ready {
            let (name, at) = (index.name(region), seconds(last.at_us));
            seen.violations.push(format!("{name} isn't ready any more since {at}: {}.", last.said));
        }
    }
    seen
}

fn listeners_answer(index: &Index<'_>) -> Seen {
    let settled_us = index.history.settled_us();
    let calls = || index.history.calls.iter().filter(|call| call.begun_us > settled_us);
    let mut seen = Seen::default();
    for call in calls() {
        let why = match &call.answer {
            Answer::Refused { why } => format!("refused {}: {why}", name(&call.op)),
            Answer::Unknown { why } => format!("left {} without an answer: {why}", name(&call.op)),
            _ => continue,
        };
        let (listener, api, at) = (index.name(call.listener), call.api.name(), seconds(call.begun_us));
        seen.violations.push(format!("{listener} {why} ({api}, at {at})."));
    }
    let all = index.history.setting.serving().all(|region| calls().any(|call| call.listener == region));
    seen.looked_at = if all { calls().count() as u64 } else { 0 };
    seen
}

fn name(op: &Op) -> &'static str {
    match op {
        Op::Send { .. } => "a message",
        Op::OptOut { .. } => "an opt-out",
        Op::Write { .. } | Op::WriteShared { .. } => "a write",
        Op::Read { .. } | Op::ReadShared { .. } => "a read",
    }
}
