//! A history by message, address and register, for the checks.

use std::collections::BTreeMap;

use super::record::History;
use super::recovery::Recovery;
use super::words::seconds;
use crate::history::{Answer, Arrival, Call, Class, Micros, Op, Region};

/// A history, and where things are in it. Lists are in the order of time.
pub struct Index<'a> {
    pub history: &'a History,
    /// When the last thing happened that was seen.
    pub ended_us: Micros,
    /// What was accepted, by message.
    pub sent: BTreeMap<&'a str, Sent<'a>>,
    /// What arrived, by message.
    pub arrivals: BTreeMap<&'a str, Vec<&'a Arrival>>,
    /// What a message that never arrived had become, by message, in the words of each listener that was asked.
    pub ends: BTreeMap<&'a str, Vec<&'a str>>,
    /// Opt-outs that took effect or may have, by address.
    pub opt_outs: BTreeMap<&'a str, Vec<&'a Call>>,
    /// What came after each fault.
    pub recoveries: Vec<Recovery>,
}

/// A message that was accepted.
pub struct Sent<'a> {
    pub call: &'a Call,
    pub message: &'a str,
    pub address: &'a str,
    pub class: Class,
    /// When it isn't worth sending any more, if it was accepted as soon as it was asked for; later otherwise.
    pub expires_us: Micros,
    /// When it first arrived, if it did.
    pub arrived_us: Option<Micros>,
}

impl<'a> Index<'a> {
    /// Indexes a history; what came after each fault is left to whoever measures it.
    pub fn new(history: &'a History) -> Self {
        let mut index = Index {
            history,
            ended_us: history.ended_us(),
            sent: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            ends: BTreeMap::new(),
            opt_outs: BTreeMap::new(),
            recoveries: Vec::new(),
        };
        for arrival in &history.arrivals {
            index.arrivals.entry(&arrival.message).or_default().push(arrival);
        }
        for call in &history.calls {
            index.add(call);
        }
        for seen in &history.messages {
            index.ends.entry(&seen.message).or_default().push(&seen.status);
        }
        index
    }

    fn add(&mut self, call: &'a Call) {
        match (&call.op, &call.answer) {
            (Op::Send { address, class, time_to_live_ms }, Answer::Accepted { message }) => {
                let expires_us = call.begun_us.saturating_add(time_to_live_ms.saturating_mul(1_000));
                let arrived_us = self.first_arrival_us(message);
                let sent = Sent { call, message, address, class: *class, expires_us, arrived_us };
                self.sent.entry(message).or_insert(sent);
            }
            (Op::OptOut { address }, Answer::Done | Answer::Unknown { .. }) => {
                self.opt_outs.entry(address).or_default().push(call);
            }
            _ => {}
        }
    }

    /// Returns when a message first arrived.
    pub fn first_arrival_us(&self, message: &str) -> Option<Micros> {
        self.arrivals.get(message).and_then(|arrivals| arrivals.first()).map(|arrival| arrival.at_us)
    }

    /// Says whether an address was opted out, or may have been, by a call that began before a time.
    pub fn may_be_opted_out(&self, address: &str, before_us: Micros) -> bool {
        self.opt_outs.get(address).is_some_and(|calls| calls.iter().any(|call| call.begun_us < before_us))
    }

    /// Says whether a message is held at the end.
    pub fn is_held(&self, message: &str) -> bool {
        self.ends.get(message).is_some_and(|ends| ends.contains(&"held"))
    }

    /// Returns a region's name.
    pub fn name(&self, region: Region) -> String {
        self.history.setting.name(region)
    }

    /// Tells how a message came: "m7 to +49151 (at_least_once), asked for in berlin at 3.200 s".
    pub fn tell(&self, sent: &Sent<'_>) -> String {
        let (listener, begun) = (self.name(sent.call.listener), seconds(sent.call.begun_us));
        format!("{} to {} ({}), asked for in {listener} at {begun}", sent.message, sent.address, sent.class.name())
    }
}
