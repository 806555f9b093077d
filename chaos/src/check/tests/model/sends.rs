//! The messages of the model: what becomes of a send and, once it is accepted, of its message.

use std::collections::BTreeMap;

use super::{FLIGHT_MAX, HEARS_AFTER, LEASE, MOVED_AFTER, Model, REGIONS, loses};
use crate::history::{
    Answer, Api, Arrival, Books, Call, Class, Fault, FaultKind, Line, MessageSeen, Micros, Op, Region,
};

/// A send to come.
struct Send {
    begun_us: Micros,
    listener: Region,
    number: u64,
    address: String,
    class: Class,
    time_to_live_ms: u64,
    /// When the opt-out of its address takes effect somewhere, and everywhere.
    opted_out: Option<(Micros, Micros)>,
}

/// A dispatch of a message.
#[derive(Clone, Copy)]
struct Dispatch {
    begun_us: Micros,
    arrives_us: Micros,
    region: Region,
}

/// What was counted, by status.
type Counts = BTreeMap<String, u64>;

impl Model {
    pub fn send(&mut self, per_second: u64) {
        let mut sends = self.ordinary(per_second);
        for number in 0..self.ended / 1_000_000 {
            sends.extend(self.around_an_opt_out(1_000_000 * (number + 1), 1_000_000 + 10 * number));
        }
        let mut counts = Counts::new();
        for send in sends {
            self.answer(&send, &mut counts);
        }
        let accepted = counts.values().sum();
        for listener in 0..REGIONS {
            self.lines.push(Line::Books(Books { listener, accepted, by_status: counts.clone() }));
        }
    }

    fn ordinary(&mut self, per_second: u64) -> Vec<Send> {
        let times = (1_000_000..self.ended).step_by((1_000_000 / per_second) as usize);
        let sends = (0..).zip(times).map(|(number, begun_us)| Send {
            begun_us,
            listener: self.random.below(REGIONS as u64) as usize,
            number,
            address: format!("+1206{number:07}"),
            class: if self.random.once_in(3) { Class::AtMostOnce } else { Class::AtLeastOnce },
            time_to_live_ms: if self.random.once_in(10) { 3_000 } else { 600_000 },
            opted_out: None,
        });
        sends.collect()
    }

    /// Eight messages to one address, and its opt-out in the middle of them.
    fn around_an_opt_out(&mut self, at: Micros, number: u64) -> Vec<Send> {
        let (listener, begun_us, address) = (self.random.below(3) as usize, at + 400_000, format!("+4930{number}"));
        let is_unclear = self.lost(listener, begun_us).is_some();
        let slow = if self.electing(begun_us).is_some() { 3_000_000 } else { 150_000 };
        let ended_us = begun_us + self.random.between(60_000, slow);
        let unclear = Answer::Unknown { why: "no answer".to_owned() };
        let answer = if is_unclear { unclear } else { Answer::Done };
        let takes_effect = !is_unclear || self.random.once_in(2);
        let op = Op::OptOut { address: address.clone() };
        self.lines.push(Line::Call(Call { begun_us, ended_us, listener, api: Api::Grpc, op, answer }));
        let sends = (0..8).map(|place| Send {
            begun_us: at + 100_000 * place,
            listener: self.random.below(REGIONS as u64) as usize,
            number: number + place,
            address: address.clone(),
            class: Class::AtLeastOnce,
            time_to_live_ms: 600_000,
            opted_out: takes_effect.then_some((begun_us + 30_000, ended_us)),
        });
        sends.collect()
    }

    fn answer(&mut self, send: &Send, counts: &mut Counts) {
        let accepted = Answer::Accepted { message: format!("m{}", send.number) };
        let unclear = Answer::Unknown { why: "no answer".to_owned() };
        let usual_us = send.begun_us + self.random.between(30_000, 90_000);
        let dies = self.faults.iter().any(|fault| {
            loses(fault) && fault.region == send.listener && (send.begun_us..usual_us).contains(&fault.begun_us)
        });
        let election = self.electing(send.begun_us).map(|fault| fault.begun_us + 2_200_000);
        let (ended_us, answer, has_effect) = if self.lost(send.listener, send.begun_us).is_some() || dies {
            (usual_us, unclear, dies && self.random.once_in(2))
        } else if let Some(over_us) = election.filter(|_| self.random.once_in(3)) {
            (over_us + self.random.between(10_000, 60_000), accepted, true)
        } else if election.is_some() && self.random.once_in(10) {
            (usual_us, unclear, self.random.once_in(2))
        } else {
            (usual_us, accepted, true)
        };
        let turned_away = send.opted_out.is_some_and(|(from_us, _)| from_us <= ended_us);
        let answer = match answer {
            Answer::Accepted { .. } if turned_away => Answer::OptedOut,
            answer => answer,
        };
        let (listener, class, time_to_live_ms) = (send.listener, send.class, send.time_to_live_ms);
        let op = Op::Send { address: send.address.clone(), class, time_to_live_ms };
        self.lines.push(Line::Call(Call { begun_us: send.begun_us, ended_us, listener, api: Api::Grpc, op, answer }));
        if has_effect && !turned_away {
            let status = self.deliver(send, ended_us);
            *counts.entry(status.to_owned()).or_default() += 1;
        }
    }

    /// Dispatches an accepted message, once, twice or not at all; returns what it becomes.
    fn deliver(&mut self, send: &Send, accepted_us: Micros) -> &'static str {
        let region = route(send.number, self.plans.at(accepted_us).1);
        let begun_us = accepted_us + self.random.between(5_000, 60_000);
        let arrives_us = begun_us + self.random.between(1_000, FLIGHT_MAX);
        let usual = Dispatch { begun_us, arrives_us, region };
        let dispatches = match self.loss_near(region, begun_us, arrives_us).cloned() {
            Some(fault) => self.past(send, accepted_us, usual, &fault),
            None => vec![usual],
        };
        let expires_us = accepted_us + send.time_to_live_ms * 1_000;
        let in_time: Vec<Dispatch> = dispatches.iter().copied().filter(|one| one.begun_us < expires_us).collect();
        let allowed: Vec<Dispatch> = in_time.iter().copied().filter(|one| self.may_begin(send, one)).collect();
        for one in &allowed {
            self.arrive(send, one);
        }
        let status = match (dispatches.is_empty(), in_time.is_empty(), allowed.is_empty()) {
            (true, ..) => "held",
            (_, true, _) => "expired",
            (_, _, true) => "opted_out",
            _ => "delivered",
        };
        if allowed.is_empty() {
            let message = format!("m{}", send.number);
            self.lines.push(Line::Message(MessageSeen { message, status: status.to_owned() }));
        }
        status
    }

    /// Returns how a message is dispatched whose region is lost about then; nothing when it is held for ever.
    fn past(&mut self, send: &Send, accepted_us: Micros, usual: Dispatch, fault: &Fault) -> Vec<Dispatch> {
        let again = self.moved(send, accepted_us, usual.region, fault);
        let (is_once, began) = (send.class == Class::AtMostOnce, usual.begun_us < fault.begun_us);
        let by_lease = fault.kind == FaultKind::Isolation && accepted_us < fault.begun_us;
        let claimed = is_once && accepted_us < fault.begun_us && usual.arrives_us >= fault.begun_us;
        if claimed {
            let begun_us = fault.ended_us + HEARS_AFTER + self.random.below(1_000_000);
            let region = route(send.number, self.plans.at(begun_us).1);
            let late = Dispatch { begun_us, arrives_us: begun_us + 50_000, region };
            return if fault.kind == FaultKind::PowerCut { Vec::new() } else { vec![late] };
        }
        if began && fault.kind == FaultKind::Pause && usual.arrives_us >= fault.begun_us {
            let frozen = Dispatch { arrives_us: fault.ended_us + 50_000, ..usual };
            return if is_once { vec![frozen] } else { vec![again, frozen] };
        }
        let goes = began || (by_lease && !is_once && usual.begun_us < fault.begun_us + LEASE - FLIGHT_MAX);
        match (goes, is_once || self.random.once_in(2)) {
            (true, true) => vec![usual],
            (true, false) => vec![usual, again],
            (false, _) => vec![again],
        }
    }

    /// Returns the dispatch by whoever gets the message of a region that was lost, or by that when it is back sooner.
    fn moved(&mut self, send: &Send, accepted_us: Micros, region: Region, fault: &Fault) -> Dispatch {
        let moved_us = fault.begun_us + MOVED_AFTER;
        if self.plans.at(moved_us).1.is_empty() {
            let begun_us = accepted_us.max(fault.ended_us + HEARS_AFTER) + self.random.below(500_000);
            return Dispatch { begun_us, arrives_us: begun_us + 50_000, region };
        }
        let begun_us = accepted_us.max(moved_us) + self.random.below(2_000_000);
        let region = route(send.number, self.plans.at(begun_us).1);
        Dispatch { begun_us, arrives_us: begun_us + self.random.between(1_000, FLIGHT_MAX), region }
    }

    /// Returns the loss of a region that a dispatch runs into, or that comes before its result is recorded.
    fn loss_near(&self, region: Region, begun_us: Micros, arrives_us: Micros) -> Option<&Fault> {
        let mut losses = self.faults.iter().filter(|fault| loses(fault) && fault.region == region);
        losses.find(|fault| begun_us < fault.ended_us && fault.begun_us < arrives_us + 500_000)
    }

    /// Says whether the recipient still may get it. While an opt-out isn't acknowledged, some regions don't know.
    fn may_begin(&mut self, send: &Send, dispatch: &Dispatch) -> bool {
        match send.opted_out {
            Some((_, everywhere_us)) if dispatch.begun_us > everywhere_us => false,
            Some((somewhere_us, _)) if dispatch.begun_us > somewhere_us => self.random.once_in(2),
            _ => true,
        }
    }

    fn arrive(&mut self, send: &Send, dispatch: &Dispatch) {
        let (message, address) = (format!("m{}", send.number), send.address.clone());
        let (epoch, _) = self.plans.at(dispatch.begun_us);
        let (at_us, region, class) = (dispatch.arrives_us, dispatch.region, send.class);
        self.lines.push(Line::Arrival(Arrival { at_us, message, address, class, region, epoch, attempt: 1 }));
    }
}

/// Returns which region sends a message, of those that aren't evacuated.
fn route(number: u64, evacuated: &[Region]) -> Region {
    let home = (number % REGIONS as u64) as usize;
    if evacuated.contains(&home) { (home + 1) % REGIONS } else { home }
}
