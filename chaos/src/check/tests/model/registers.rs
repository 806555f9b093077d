//! The registers of the model: each is written by one client, and every listener shows the log as far as it has it.

use super::{HEARS_AFTER, Model, REGIONS};
use crate::history::{Answer, Api, Call, FaultKind, Line, Micros, Op, Region};

const WRITE_EVERY: Micros = 400_000;
const READ_EVERY: Micros = 500_000;
/// How long after its caller gave up a write may have its effect.
const LATE_EFFECT_MAX: Micros = 5_000_000;
/// How far behind a node is that applies its log again, and for how long after its start.
const REPLAYED: Micros = 2_000_000;
const REPLAYS_FOR: Micros = 600_000;

impl Model {
    pub fn use_registers(&mut self) {
        for register in ["balance", "limit"] {
            let log = self.write(register);
            for listener in 0..REGIONS {
                self.read(register, listener, &log);
            }
        }
    }

    /// Writes a register until the load ends; returns when each value had its effect.
    fn write(&mut self, register: &str) -> Vec<(Micros, u64)> {
        let (mut log, mut begun_us, mut value) = (Vec::new(), 1_000_000, 1);
        while begun_us < self.ended {
            let listener = self.random.below(REGIONS as u64) as usize;
            let took = self.random.between(60_000, 200_000);
            let is_unclear = self.lost(listener, begun_us).is_some() || self.electing(begun_us).is_some();
            let (ended_us, answer) = if is_unclear && self.random.once_in(2) {
                let ended_us = begun_us + self.random.between(500_000, 3_000_000);
                (ended_us, Answer::Unknown { why: "no answer".to_owned() })
            } else {
                (begun_us + took, Answer::Done)
            };
            match answer {
                Answer::Done => log.push((ended_us - self.random.between(10_000, 50_000), value)),
                _ if self.random.once_in(2) => log.push((ended_us + self.random.below(LATE_EFFECT_MAX), value)),
                _ => {}
            }
            let op = Op::Write { register: register.to_owned(), value };
            self.lines.push(Line::Call(Call { begun_us, ended_us, listener, api: Api::Grpc, op, answer }));
            begun_us = ended_us + WRITE_EVERY;
            value += 1;
        }
        log.sort_unstable();
        log
    }

    fn read(&mut self, register: &str, listener: Region, log: &[(Micros, u64)]) {
        let end = self.ended + 20_000_000;
        for begun_us in (1_000_000..end).step_by(READ_EVERY as usize) {
            let op = Op::Read { register: register.to_owned() };
            let is_down = self.lost(listener, begun_us).is_some_and(|fault| fault.kind != FaultKind::Isolation);
            let (ended_us, answer) = if is_down {
                (begun_us + 2_000, Answer::Refused { why: "connection refused".to_owned() })
            } else {
                let seen = self.seen(listener, begun_us);
                let value = log.iter().rev().find(|(at, _)| *at <= seen).map(|(_, value)| *value);
                (begun_us + 2_000, Answer::Value { value })
            };
            self.lines.push(Line::Call(Call { begun_us, ended_us, listener, api: Api::Grpc, op, answer }));
        }
    }

    /// Returns up to when a listener has the log at a time.
    fn seen(&self, listener: Region, at: Micros) -> Micros {
        let lag = 50_000 * listener as u64;
        let isolated = self.faults.iter().find(|fault| {
            let until = fault.ended_us + HEARS_AFTER;
            fault.kind == FaultKind::Isolation && fault.region == listener && (fault.begun_us..until).contains(&at)
        });
        let restarted = self.faults.iter().find(|fault| {
            let until = fault.ended_us + REPLAYS_FOR;
            fault.stops() && fault.region == listener && (fault.ended_us..until).contains(&at)
        });
        match (isolated, restarted) {
            (Some(fault), _) => (at - lag).min(fault.begun_us),
            (None, Some(fault)) => fault.begun_us - REPLAYED,
            (None, None) => at - lag,
        }
    }
}
