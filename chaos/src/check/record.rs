//! A run's history, sorted by kind and time.

use std::{error, fmt};

use crate::history::{
    AlarmsSeen, Arrival, Books, Call, Fault, Line, MessageSeen, Micros, PlanSeen, Readiness, Region, Setting, Upgrade,
};

/// How long after the last fault a cluster may take until everything is as if nothing had been: an election, what
/// lagged caught up, and the 10 s for which a node works on a call whose caller has given up.
const SETTLING_US: Micros = 10_000_000;

/// How much longer than the longest flight that was measured a dispatch may have been on its way: stamps are sent every
/// 20 ms, and the provider reads a whole request before it notes when that came.
const FLIGHT_UNSEEN_US: Micros = 50_000;

/// What happened in a run. Each list is in the order of time: calls by their beginning, what was seen by when it
/// was, faults by their beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What the run was made with; its length is what it came to, and how long a dispatch may be on its way is what was
    /// measured, where it was.
    pub setting: Setting,
    /// Every call of a client.
    pub calls: Vec<Call>,
    /// Every message that the provider took.
    pub arrivals: Vec<Arrival>,
    /// Every fault.
    pub faults: Vec<Fault>,
    /// Every sight of a plan at a listener.
    pub plans: Vec<PlanSeen>,
    /// What listeners said of themselves, whenever that changed.
    pub readiness: Vec<Readiness>,
    /// What messages that never arrived had become.
    pub messages: Vec<MessageSeen>,
    /// What each listener accounted for at the end.
    pub books: Vec<Books>,
    /// What an upgrade came to, in its order.
    pub upgrade: Vec<Upgrade>,
    /// What listeners raised at the end.
    pub alarms: Vec<AlarmsSeen>,
}

/// A history doesn't say what the run was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSetting;

impl fmt::Display for NoSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("history has no line with the setting of the run")
    }
}

impl error::Error for NoSetting {}

impl History {
    /// Sorts lines, which may come in any order.
    ///
    /// # Errors
    ///
    /// [`NoSetting`] when no line is one. Of several the first counts.
    pub fn new(lines: impl IntoIterator<Item = Line>) -> Result<Self, NoSetting> {
        let mut setting = None;
        let (mut calls, mut arrivals, mut faults) = (Vec::new(), Vec::new(), Vec::new());
        let (mut plans, mut readiness) = (Vec::new(), Vec::new());
        let (mut messages, mut books) = (Vec::new(), Vec::new());
        let (mut upgrade, mut alarms) = (Vec::new(), Vec::new());
        let (mut flight_us, mut over_us) = (None, None);
        for line in lines {
            match line {
                Line::Setting(line) => setting = setting.or(Some(line)),
                Line::Call(line) => calls.push(line),
                Line::Arrival(line) => arrivals.push(line),
                Line::Fault(line) => faults.push(line),
                Line::Plan(line) => plans.push(line),
                Line::Readiness(line) => readiness.push(line),
                Line::Flight(line) => flight_us = flight_us.max(Some(line.longest_us)),
                Line::Message(line) => messages.push(line),
                Line::Books(line) => books.push(line),
                Line::Upgrade(line) => upgrade.push(line),
                Line::Alarms(line) => alarms.push(line),
                Line::Over(line) => over_us = Some(line.at_us),
            }
        }
        calls.sort_by_key(|call: &Call| call.begun_us);
        arrivals.sort_by_key(|arrival: &Arrival| arrival.at_us);
        faults.sort_by_key(|fault: &Fault| fault.begun_us);
        plans.sort_by_key(|plan: &PlanSeen| plan.at_us);
        readiness.sort_by_key(|seen: &Readiness| seen.at_us);
        let mut setting = setting.ok_or(NoSetting)?;
        if let Some(flight_us) = flight_us {
            setting.flight_max_us = flight_us + FLIGHT_UNSEEN_US;
        }
        setting.length_us = over_us.unwrap_or(setting.length_us);
        Ok(History { setting, calls, arrivals, faults, plans, readiness, messages, books, upgrade, alarms })
    }

    /// Returns when the last thing happened that was seen. What became of messages was asked for about then.
    pub fn ended_us(&self) -> Micros {
        let calls = self.calls.iter().map(|call| call.ended_us).max();
        let arrival = self.arrivals.last().map(|arrival| arrival.at_us);
        self.setting.length_us.max(calls.max(arrival).unwrap_or_default())
    }

    /// Returns what a listener last said of itself before a time, if it had said something.
    pub fn readiness_at(&self, listener: Region, at_us: Micros) -> Option<&Readiness> {
        self.readiness.iter().rev().find(|seen| seen.listener == listener && seen.at_us <= at_us)
    }

    /// Returns when everything was mended and calm again: 10 s after the end of the last fault, and 0 in a run without.
    pub fn settled_us(&self) -> Micros {
        self.faults.iter().map(|fault| fault.ended_us + SETTLING_US).max().unwrap_or_default()
    }
}
