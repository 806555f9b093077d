//! What happened in a run, as the harness saw it from outside: every call with its answer, every message that arrived
//! at the provider, every fault. One JSON line each, in a file that alone the checks and the verdict page are made
//! from, so that a run can be judged again.
//!
//! All times are microseconds since the run began, of one monotonic clock of the harness; the provider's arrivals are
//! converted to it. No clock of a node counts for anything.

mod call;
mod fault;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use call::{Answer, Api, Call, Class, Op};
pub use fault::{Fault, FaultKind};

/// Microseconds since the run began.
pub type Micros = u64;

/// The number of a region in [`Setting::regions`].
pub type Region = usize;

/// What a run was made with; the first line of its history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// What the schedule and the load were drawn from.
    pub seed: u64,
    /// What was typed to make the run.
    pub command: String,
    /// The names of the regions; a witness is the last.
    pub regions: Vec<String>,
    /// The region that holds no data for callers and sends nothing, if there is one.
    pub witness: Option<Region>,
    /// The round trip between two regions, in milliseconds.
    pub round_trip_ms: u64,
    /// How long a dispatch may be on its way to the provider where that wasn't measured: what its line takes, and an
    /// allowance for a machine that is busy.
    pub flight_max_us: Micros,
    /// How long faults and load were to go on, in microseconds.
    pub length_us: Micros,
    /// The faults that could not be injected on this machine, and why: they are skipped, not passed.
    pub skipped: BTreeMap<String, String>,
}

/// A line of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
#[expect(missing_docs, reason = "each is what its type says")]
pub enum Line {
    Setting(Setting),
    Call(Call),
    Arrival(Arrival),
    Fault(Fault),
    Plan(PlanSeen),
    Readiness(Readiness),
    Flight(Flight),
    Message(MessageSeen),
    Books(Books),
    Upgrade(Upgrade),
    Alarms(AlarmsSeen),
    Over(Over),
}

/// A message that arrived at the provider and was taken by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Arrival {
    pub at_us: Micros,
    pub message: String,
    pub address: String,
    pub class: Class,
    /// The region that sent it.
    pub region: Region,
    /// The plan that the sender went by.
    pub epoch: u64,
    pub attempt: u32,
}

/// What an upgrade came to at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Upgrade {
    /// All groups were raised to a later apply version; there is no way back from here.
    Raised { at_us: Micros, from: u32, to: u32 },
    /// The former build was started on a node's data after that, and ended by itself.
    TurnedAway { at_us: Micros, region: Region, said: String },
    /// It was started and still ran when it should have ended.
    Ran { at_us: Micros, region: Region },
}

/// Faults and load were over before the time, because there was nothing left to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Over {
    pub at_us: Micros,
}

/// The alarms that a listener raised when everything had come to rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct AlarmsSeen {
    pub listener: Region,
    /// Each with its subject and text.
    pub alarms: Vec<(String, String)>,
}

/// A traffic plan as a listener showed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct PlanSeen {
    pub at_us: Micros,
    pub listener: Region,
    pub epoch: u64,
    /// The regions that it evacuates.
    pub evacuated: Vec<Region>,
    /// Everything else that it says, to be compared with what other listeners show.
    pub text: String,
}

/// What a listener's `/readyz` began to say; taken down when it changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Readiness {
    pub at_us: Micros,
    pub listener: Region,
    /// Whether it answered that it is ready; a listener that doesn't answer isn't.
    pub ready: bool,
    /// What it said, or why it said nothing.
    pub said: String,
}

/// How long something was on its way from a region to the provider, at most, since the last such line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Flight {
    pub at_us: Micros,
    pub region: Region,
    pub longest_us: Micros,
}

/// What a message that never arrived had become at the end, asked once everything was mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct MessageSeen {
    pub message: String,
    /// In the words of the API: `waiting`, `held`, `delivered`, `failed`, `opted_out`, `expired`; `unknown` when the
    /// listener knows no such message.
    pub status: String,
}

/// The accounting of the app as a listener showed it at the end, once everything was mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Books {
    pub listener: Region,
    pub accepted: u64,
    /// By status, in the words of [`MessageSeen`].
    pub by_status: BTreeMap<String, u64>,
}
