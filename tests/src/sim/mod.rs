//! The simulator: three to five real nodes on a simulated network with simulated clocks, disks, randomness and a
//! provider, all from one seed, in one process that does nothing else. It touches no network, no disk and no clock of
//! the machine.
//!
//! Rooms in reading order: [`settings`] (what a run is made from), [`layout`] (its nodes), [`members`] (which of them
//! are in the cluster, where that changes) and [`mod@run`] (from its start to its checks),
//! [`cluster`] (what outlives a node's restart), [`machines`], each with a [`kernel`] and a [`process`], [`node`] (a
//! node's life in that process; how it is wired is in `start`), [`clients`],
//! [`faults`] with their [`mod@schedule`] and the [`nemesis`], and [`provider`] (what is done to it), [`operations`],
//! [`history`], [`replica`], `steps` and `watch` (what is seen of it), [`checks`] (the promises), [`breaks`] (faults built
//! in on purpose) and `builds` (which of two versions each start is), and the seams: [`determinism`], [`world`],
//! [`transport`], [`storage`].

pub mod layout;
pub mod members;
pub mod run;
pub mod settings;

pub mod cluster;
pub mod kernel;
pub mod machines;
pub mod node;
pub mod process;
mod start;

pub mod clients;
pub mod faults;
pub mod nemesis;
pub mod provider;
pub mod schedule;

pub mod history;
pub mod operations;
pub mod probe;
pub mod replica;
mod rest;
mod steps;
mod watch;

pub mod checks;

pub mod breaks;
mod builds;

pub mod determinism;
mod journal;
mod lying_engine;
mod power;
pub mod storage;
pub mod transport;
pub mod world;

pub use breaks::Break;
pub use layout::Layout;
pub use run::{Report, run};
pub use settings::{Scene, Settings};
