//! What came after each fault, measured at the provider (P6). Every fault is measured; what the promise allows
//! is in [`super::losses`].
//!
//! - **New** messages are asked for while the fault is on and before another one begins, at listeners that it doesn't
//!   touch. Of a cut line they are those that were accepted, or asked for at a listener that said that it is ready when
//!   the call began and when it had ended. They flow from the moment after which each arrives within a second of its
//!   call.
//! - **Waiting** messages were asked for before that, in the 3 s after the beginning included, and hadn't arrived a
//!   second after their call: a region that is lost may have them. What was overdue already when the fault began is no
//!   consequence of it. Of class `at_most_once` those don't count that a lost region may have claimed, because they
//!   were asked for before, and that didn't arrive before it was back: they are held until then, or longer, or expire
//!   meanwhile. P3 and P4 judge those.

use super::allowance::AFTERMATH_US;
use super::index::{Index, Sent};
use super::recovery::{FLOWING_MAX_US, Measured, NEW_LATE_US, Recovery, WAITING_MAX_US};
use super::words::{seconds, told};
use crate::history::{Answer, Call, Class, Fault, FaultKind, Micros, Op};

/// How long ago a listener may have ceased to be ready before that is seen: it is asked five times a second, and may
/// take half a second to answer.
const READINESS_LAG_US: Micros = 1_000_000;

/// A fault, and when another one begins that may delay something.
pub struct Span<'a, 'b> {
    pub index: &'b Index<'a>,
    pub fault: &'a Fault,
    pub next_us: Micros,
}

impl Span<'_, '_> {
    /// Measures.
    pub fn recovery(&self) -> Recovery {
        let (flowing, _, new) = self.flowing(NEW_LATE_US);
        let (flowing_allowed, last_late, _) = self.flowing(self.late_us());
        let (waiting, last_waiting, waited) = self.waiting();
        let (doubled, held) = (self.doubled(), self.held());
        let (fault, what) = (self.fault.clone(), told(&self.index.history.setting, self.fault));
        let accepting = self.accepting();
        let unjudged = self.unjudged();
        Recovery {
            fault,
            what,
            unjudged,
            accepting,
            flowing,
            flowing_allowed,
            last_late,
            waiting,
            last_waiting,
            new,
            waited,
            doubled,
            held,
        }
    }

    fn unjudged(&self) -> Option<&'static str> {
        let (fault, history) = (self.fault, self.index.history);
        let mut others = history.faults.iter().filter(|other| *other != fault && other.disturbs());
        let is_far =
            |other: &Fault| other.ended_us + WAITING_MAX_US < fault.begun_us || other.begun_us > fault.begun_us;
        match fault.kind {
            FaultKind::Pause | FaultKind::ClockJump | FaultKind::SlowDisk => Some("no limit is promised for this"),
            _ if !self.is_line() && Some(fault.region) == history.setting.witness => {
                Some("no limit is promised for a witness")
            }
            _ if !others.all(is_far) => Some("not judged: another fault was near"),
            _ => None,
        }
    }

    fn accepting(&self) -> Option<Micros> {
        let from = self.fault.begun_us;
        let calls = self.new_calls(self.next_us.min(self.fault.ended_us));
        let not = calls.filter(|call| !is_accepted(call) || call.ended_us - call.begun_us > NEW_LATE_US);
        not.map(|call| call.ended_us - from).max()
    }

    /// Returns when new messages flowed, the last one that arrived more than `late_us` after its call, and how many
    /// there were.
    fn flowing(&self, late_us: Micros) -> (Measured, Option<String>, u64) {
        let from = self.fault.begun_us;
        // What is asked for later may arrive when the fault is over or another one is on.
        let until = self.next_us.min(self.fault.ended_us).saturating_sub(self.late_us());
        let calls: Vec<&Call> = self.new_calls(until).filter(|call| self.counts(call)).collect();
        let last_late = calls.iter().rev().find(|call| self.is_late(call, late_us));
        let told = last_late.map(|call| self.tell_late(call));
        let flowing = match (last_late, calls.last()) {
            (_, Some(last)) if last.begun_us < from + FLOWING_MAX_US => Measured::Unseen,
            (_, None) => Measured::Unseen,
            (None, _) => Measured::After(0),
            (Some(late), Some(last)) if late.begun_us < last.begun_us => Measured::After(late.begun_us - from),
            (Some(_), _) => Measured::NotIn(until - from),
        };
        (flowing, told, calls.len() as u64)
    }

    fn waiting(&self) -> (Measured, Option<String>, u64) {
        let from = self.fault.begun_us;
        let (mut waited, mut might_wait): (Vec<(Micros, &Sent<'_>)>, bool) = (Vec::new(), false);
        for sent in self.index.sent.values() {
            let arrived_us = sent.arrived_us.unwrap_or(Micros::MAX);
            // Most arrived before: whatever else there is to ask comes later.
            let waits = arrived_us > from && self.may_wait(sent) && !self.may_be_held(sent, arrived_us);
            if waits && !self.was_overdue(sent) {
                might_wait = true;
                waited.extend((arrived_us > sent.call.begun_us + self.late_us()).then_some((arrived_us, sent)));
            }
        }
        let Some((arrived_us, sent)) = waited.iter().max_by_key(|(arrived_us, _)| *arrived_us) else {
            return (if might_wait { Measured::After(0) } else { Measured::Unseen }, None, 0);
        };
        let (waiting, when) = if *arrived_us <= self.next_us {
            (Measured::After(arrived_us - from), format!("arrived {} after it", seconds(arrived_us - from)))
        } else {
            let seen = self.next_us - from;
            (Measured::NotIn(seen), format!("hadn't arrived {} after it", seconds(seen)))
        };
        (waiting, Some(format!("{}, {when}", self.index.tell(sent))), waited.len() as u64)
    }

    /// Returns the sends that count as new and began before a time.
    fn new_calls(&self, until: Micros) -> impl Iterator<Item = &Call> {
        let by_line = self.is_line();
        let counts = move |call: &&Call| {
            let (is_send, turned_away) = (matches!(call.op, Op::Send { .. }), call.answer == Answer::OptedOut);
            let is_served =
                if by_line { is_accepted(call) || self.is_ready(call) } else { !self.fault.cuts_off(call.listener) };
            is_send && !turned_away && is_served
        };
        let calls = &self.index.history.calls;
        let first = calls.partition_point(|call| call.begun_us < self.fault.begun_us);
        calls[first..].iter().take_while(move |call| call.begun_us < until).filter(counts)
    }

    fn is_line(&self) -> bool {
        matches!(self.fault.kind, FaultKind::CutLine | FaultKind::CutOneWay)
    }

    fn is_ready(&self, call: &Call) -> bool {
        let seen = |at_us| self.index.history.readiness_at(call.listener, at_us).is_some_and(|seen| seen.ready);
        seen(call.begun_us) && seen(call.ended_us + READINESS_LAG_US)
    }

    /// Says whether a message is due soon: it doesn't expire and its recipient doesn't opt out before.
    fn counts(&self, call: &Call) -> bool {
        let Op::Send { address, time_to_live_ms, .. } = &call.op else { return false };
        let due_us = self.late_us();
        time_to_live_ms.saturating_mul(1_000) > due_us && !self.index.may_be_opted_out(address, call.begun_us + due_us)
    }

    fn is_late(&self, call: &Call, late_us: Micros) -> bool {
        let Answer::Accepted { message } = &call.answer else { return true };
        self.index.first_arrival_us(message).is_none_or(|at_us| at_us > call.begun_us + late_us)
    }

    fn may_wait(&self, sent: &Sent<'_>) -> bool {
        let (from, due_us) = (self.fault.begun_us, self.fault.begun_us + WAITING_MAX_US);
        let in_time = sent.call.begun_us < (from + FLOWING_MAX_US).min(self.next_us) && due_us < sent.expires_us;
        in_time && !self.index.may_be_opted_out(sent.address, due_us)
    }

    fn was_overdue(&self, sent: &Sent<'_>) -> bool {
        self.index.done_by(sent.call.ended_us, self.late_us(), AFTERMATH_US) < self.fault.begun_us
    }

    fn may_be_held(&self, sent: &Sent<'_>, arrived_us: Micros) -> bool {
        let may_be_claimed = self.is_line() || sent.call.begun_us < self.fault.begun_us;
        sent.class == Class::AtMostOnce && arrived_us > self.fault.ended_us && may_be_claimed
    }

    fn doubled(&self) -> u64 {
        let doubled = self.index.arrivals.values().filter(|arrivals| {
            let earlier = arrivals.split_last().map_or(&[][..], |(_, earlier)| earlier);
            earlier.iter().any(|arrival| self.index.may_lose_result(self.fault, arrival.region, arrival.at_us))
        });
        doubled.count() as u64
    }

    fn held(&self) -> u64 {
        let caught = |sent: &Sent<'_>| self.index.may_catch(self.fault, sent.call.begun_us, sent.call.ended_us);
        let sent = self.index.ends.keys().filter_map(|message| self.index.sent.get(message));
        sent.filter(|sent| self.index.is_held(sent.message) && caught(sent)).count() as u64
    }

    fn late_us(&self) -> Micros {
        NEW_LATE_US + self.index.history.setting.flight_max_us
    }

    fn tell_late(&self, call: &Call) -> String {
        let Answer::Accepted { message } = &call.answer else {
            let (listener, begun) = (self.index.name(call.listener), seconds(call.begun_us));
            return format!("a message asked for in {listener} at {begun} was not accepted");
        };
        let told = self.index.sent.get(message.as_str()).map_or_else(String::new, |sent| self.index.tell(sent));
        match self.index.first_arrival_us(message) {
            Some(at_us) => format!("{told}, arrived {} after its call", seconds(at_us.saturating_sub(call.begun_us))),
            None => format!("{told}, never arrived"),
        }
    }
}

fn is_accepted(call: &Call) -> bool {
    matches!(call.answer, Answer::Accepted { .. })
}
