//! Takes regions of a real cluster away, and judges what its callers and its provider saw.
//!
//! Rooms, in reading order: `cli` and `run` (a run from its beginning to its end), `world` (namespaces, lines between
//! them, processes), `faults`, `schedule`, `upgrade` and `inject` (faults), `load`, `caller`, `watch` and `flight`
//! (what is asked of the cluster and measured), `history` and `recorder` (what is taken down), `check` (what must
//! hold),
//! `judge` and `verdict` (what an operator reads).
//!
//! What is judged comes from the history alone, and that from outside: the product's inside is not looked at.

pub mod cli;
pub mod run;

mod faults;
mod inject;
mod schedule;
mod upgrade;
mod world;

mod caller;
mod flight;
mod load;
mod until;
mod watch;

pub mod history;
mod recorder;

pub mod check;
mod judge;
pub mod verdict;
