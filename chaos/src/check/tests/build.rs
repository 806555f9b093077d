//! Builds small histories line by line. Times are milliseconds.

use std::collections::BTreeMap;

use crate::check::{Finding, History, Report, check};
use crate::history::{
    Answer, Api, Arrival, Books, Call, Class, Fault, FaultKind, Flight, Line, MessageSeen, Op, PlanSeen, Readiness,
    Region, Setting,
};

pub const BERLIN: Region = 0;
pub const DUBLIN: Region = 1;
pub const OSLO: Region = 2;

/// How long a call takes, in milliseconds.
const CALL_MS: u64 = 50;

/// A history to be.
#[derive(Clone)]
pub struct Run {
    pub lines: Vec<Line>,
}

/// A run of a minute with three regions.
pub fn run() -> Run {
    let setting = Setting {
        seed: 7,
        command: "scripts/chaos run --seed 7".to_owned(),
        regions: ["berlin", "dublin", "oslo"].map(str::to_owned).to_vec(),
        witness: None,
        round_trip_ms: 80,
        flight_max_us: 100_000,
        length_us: 60_000_000,
        skipped: BTreeMap::new(),
    };
    Run { lines: vec![Line::Setting(setting)] }
}

pub fn done() -> Answer {
    Answer::Done
}

pub fn unknown() -> Answer {
    Answer::Unknown { why: "nobody answered".to_owned() }
}

pub fn refused() -> Answer {
    Answer::Refused { why: "not ready".to_owned() }
}

pub fn address_of(message: &str) -> String {
    format!("to-{message}")
}

impl Run {
    pub fn line(mut self, line: Line) -> Self {
        self.lines.push(line);
        self
    }

    pub fn call(self, at_ms: u64, listener: Region, op: Op, answer: Answer) -> Self {
        let (begun_us, ended_us) = (at_ms * 1_000, (at_ms + CALL_MS) * 1_000);
        self.line(Line::Call(Call { begun_us, ended_us, listener, api: Api::Grpc, op, answer }))
    }

    /// A message of class `at_least_once`, accepted in Dublin, worth sending for ten seconds.
    pub fn send(self, at_ms: u64, message: &str) -> Self {
        self.send_as(at_ms, message, Class::AtLeastOnce)
    }

    pub fn send_as(self, at_ms: u64, message: &str, class: Class) -> Self {
        let op = Op::Send { address: address_of(message), class, time_to_live_ms: 10_000 };
        self.call(at_ms, DUBLIN, op, Answer::Accepted { message: message.to_owned() })
    }

    /// A send with another answer.
    pub fn send_in_vain(self, at_ms: u64, message: &str, answer: Answer) -> Self {
        let op = Op::Send { address: address_of(message), class: Class::AtLeastOnce, time_to_live_ms: 10_000 };
        self.call(at_ms, DUBLIN, op, answer)
    }

    /// An arrival by plan 1, in the class that the message was accepted in.
    pub fn arrive(self, at_ms: u64, message: &str, region: Region) -> Self {
        self.arrive_by(at_ms, message, region, 1)
    }

    pub fn arrive_by(self, at_ms: u64, message: &str, region: Region, epoch: u64) -> Self {
        let class = self.class_of(message);
        let (at_us, address, message) = (at_ms * 1_000, address_of(message), message.to_owned());
        self.line(Line::Arrival(Arrival { at_us, message, address, class, region, epoch, attempt: 1 }))
    }

    pub fn arrive_as(self, at_ms: u64, message: &str, class: Class, region: Region) -> Self {
        let (at_us, address, message) = (at_ms * 1_000, address_of(message), message.to_owned());
        self.line(Line::Arrival(Arrival { at_us, message, address, class, region, epoch: 1, attempt: 1 }))
    }

    pub fn opt_out(self, at_ms: u64, message: &str, answer: Answer) -> Self {
        self.call(at_ms, BERLIN, Op::OptOut { address: address_of(message) }, answer)
    }

    pub fn write(self, at_ms: u64, value: u64, answer: Answer) -> Self {
        self.call(at_ms, BERLIN, Op::Write { register: "r".to_owned(), value }, answer)
    }

    pub fn read(self, at_ms: u64, listener: Region, value: u64) -> Self {
        let value = (value > 0).then_some(value);
        self.call(at_ms, listener, Op::Read { register: "r".to_owned() }, Answer::Value { value })
    }

    pub fn write_shared(self, at_ms: u64, listener: Region, value: u64, answer: Answer) -> Self {
        self.call(at_ms, listener, Op::WriteShared { register: "r".to_owned(), value }, answer)
    }

    /// A write by Berlin's listener that takes two seconds.
    pub fn write_shared_slowly(self, at_ms: u64, value: u64) -> Self {
        let (begun_us, ended_us, answer) = (at_ms * 1_000, (at_ms + 2_000) * 1_000, Answer::Done);
        let op = Op::WriteShared { register: "r".to_owned(), value };
        self.line(Line::Call(Call { begun_us, ended_us, listener: BERLIN, api: Api::Grpc, op, answer }))
    }

    pub fn read_shared(self, at_ms: u64, listener: Region, value: u64) -> Self {
        let value = (value > 0).then_some(value);
        self.call(at_ms, listener, Op::ReadShared { register: "r".to_owned() }, Answer::Value { value })
    }

    pub fn fault(self, kind: FaultKind, region: Region, begun_ms: u64, ended_ms: u64) -> Self {
        let (begun_us, ended_us) = (begun_ms * 1_000, ended_ms * 1_000);
        self.line(Line::Fault(Fault { kind, region, other: None, begun_us, ended_us }))
    }

    pub fn cut(self, region: Region, other: Region, begun_ms: u64, ended_ms: u64) -> Self {
        let (begun_us, ended_us, other) = (begun_ms * 1_000, ended_ms * 1_000, Some(other));
        self.line(Line::Fault(Fault { kind: FaultKind::CutLine, region, other, begun_us, ended_us }))
    }

    pub fn plan(self, at_ms: u64, listener: Region, epoch: u64, evacuated: &[Region]) -> Self {
        let (at_us, evacuated, text) = (at_ms * 1_000, evacuated.to_vec(), format!("plan {epoch}"));
        self.line(Line::Plan(PlanSeen { at_us, listener, epoch, evacuated, text }))
    }

    pub fn ready(self, at_ms: u64, listener: Region, ready: bool) -> Self {
        self.line(Line::Readiness(Readiness {
            at_us: at_ms * 1_000,
            listener,
            ready,
            said: "no send lease".to_owned(),
        }))
    }

    pub fn flight(self, at_ms: u64, region: Region, longest_ms: u64) -> Self {
        self.line(Line::Flight(Flight { at_us: at_ms * 1_000, region, longest_us: longest_ms * 1_000 }))
    }

    pub fn end(self, message: &str, status: &str) -> Self {
        self.line(Line::Message(MessageSeen { message: message.to_owned(), status: status.to_owned() }))
    }

    pub fn books(self, listener: Region, accepted: u64, by_status: &[(&str, u64)]) -> Self {
        let by_status = by_status.iter().map(|(status, count)| ((*status).to_owned(), *count)).collect();
        self.line(Line::Books(Books { listener, accepted, by_status }))
    }

    pub fn history(&self) -> History {
        History::new(self.lines.iter().cloned()).unwrap()
    }

    pub fn report(&self) -> Report {
        check(&self.history())
    }

    /// What one check finds.
    pub fn finding(&self, name: &str) -> Finding {
        self.report().findings.into_iter().find(|finding| finding.check == name).unwrap()
    }

    fn class_of(&self, message: &str) -> Class {
        let sent = self.lines.iter().find_map(|line| match line {
            Line::Call(Call { op: Op::Send { class, .. }, answer: Answer::Accepted { message: sent }, .. })
                if sent == message =>
            {
                Some(*class)
            }
            _ => None,
        });
        sent.unwrap_or(Class::AtLeastOnce)
    }
}
