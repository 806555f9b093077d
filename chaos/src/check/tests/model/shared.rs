//! The shared registers of the model: all clients write them, each call has its effect at one moment within it, and a
//! write with an unknown outcome at one after it, or never.

use super::{Model, REGIONS};
use crate::history::{Answer, Api, Call, Line, Micros, Op, Region};

const CLIENTS: usize = 2 * REGIONS;
const LATE_EFFECT_MAX: Micros = 5_000_000;

/// A call, and when it has its effect.
struct Planned {
    effect_us: Option<Micros>,
    call: Call,
}

impl Model {
    pub fn share_registers(&mut self) {
        let mut planned: Vec<Planned> = (0..CLIENTS).flat_map(|client| self.calls_of(client)).collect();
        planned.sort_by_key(|planned| planned.effect_us);
        let (mut held, mut value) = (None, 0);
        for Planned { effect_us, mut call } in planned {
            match (&mut call.op, &mut call.answer) {
                (Op::WriteShared { value: written, .. }, _) => {
                    value += 1;
                    *written = value;
                    held = effect_us.map_or(held, |_| Some(value));
                }
                (_, Answer::Value { value }) => *value = held,
                _ => {}
            }
            self.lines.push(Line::Call(call));
        }
    }

    fn calls_of(&mut self, client: usize) -> Vec<Planned> {
        let (mut calls, mut begun_us) = (Vec::new(), 1_000_000);
        while begun_us < self.ended {
            let planned = self.shared_call(client % REGIONS, begun_us);
            begun_us = planned.call.ended_us + self.random.between(100_000, 300_000);
            calls.push(planned);
        }
        calls
    }

    fn shared_call(&mut self, listener: Region, begun_us: Micros) -> Planned {
        let register = "credit".to_owned();
        let ended_us = begun_us + self.random.between(60_000, 200_000);
        let is_lost = self.lost(listener, begun_us).is_some() || self.electing(begun_us).is_some();
        let (is_write, within_us) = (self.random.once_in(3), begun_us + self.random.below(ended_us - begun_us));
        let (effect_us, op, answer) = match (is_write, is_lost) {
            (true, true) => {
                let late_us = begun_us + self.random.below(LATE_EFFECT_MAX);
                let effect_us = self.random.once_in(2).then_some(late_us);
                (effect_us, Op::WriteShared { register, value: 0 }, Answer::Unknown { why: "no answer".to_owned() })
            }
            (true, false) => (Some(within_us), Op::WriteShared { register, value: 0 }, Answer::Done),
            (false, true) => (None, Op::ReadShared { register }, Answer::Unknown { why: "no answer".to_owned() }),
            (false, false) => (Some(within_us), Op::ReadShared { register }, Answer::Value { value: None }),
        };
        Planned { effect_us, call: Call { begun_us, ended_us, listener, api: Api::Grpc, op, answer } }
    }
}
