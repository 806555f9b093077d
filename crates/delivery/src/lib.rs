//! Floor 1: one egress path as values. When to try again, how fast an identity may send, which waiting messages are
//! known and due, which dispatches were begun and not settled, and which inbound words opt out.
//!
//! Values only: no IO, clock or randomness (times and seeds are arguments), no serde or protobuf, and no map with
//! random order. The sender drives all of it.

pub mod keywords;
pub mod retry;

pub mod pacing;
pub mod schedule;

pub mod inflight;
