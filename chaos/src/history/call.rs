//! What clients asked for, and what they were answered.

use serde::{Deserialize, Serialize};

use super::{Micros, Region};

/// A call of a client, once it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct Call {
    /// When it began.
    pub begun_us: Micros,
    /// When it was answered or given up.
    pub ended_us: Micros,
    /// The region whose listener was called.
    pub listener: Region,
    pub api: Api,
    pub op: Op,
    pub answer: Answer,
}

/// By which of a region's listeners something was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Api {
    Grpc,
    Rest,
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Op {
    /// Send one SMS.
    Send {
        address: String,
        class: Class,
        /// How long the message is worth sending, in milliseconds.
        time_to_live_ms: u64,
    },
    /// Opt an address out.
    OptOut { address: String },
    /// Write a value into a register (an attribute of an endpoint). Values of a register rise and are never repeated.
    Write { register: String, value: u64 },
    /// Read a register, as this listener has it.
    Read { register: String },
    /// Write a value into a register that several clients write at once. No value is written twice.
    WriteShared { register: String, value: u64 },
    /// Read such a register with everything that was acknowledged anywhere (linearizable).
    ReadShared { register: String },
}

/// How often a message may be dispatched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "docs/promises.md says what each is")]
pub enum Class {
    AtMostOnce,
    AtLeastOnce,
}

/// What a call was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum Answer {
    /// A message was accepted.
    Accepted { message: String },
    /// Nothing is sent to the recipient: it opted out.
    OptedOut,
    /// A write or an opt-out is done.
    Done,
    /// The value of a register; nothing when it was never written there.
    Value { value: Option<u64> },
    /// It was refused, and had no effect.
    Refused { why: String },
    /// Nobody knows whether it had an effect.
    Unknown { why: String },
}
