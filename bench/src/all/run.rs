//! What every part of a run of all measurements needs.

use std::path::PathBuf;
use std::time::Duration;

/// The bytes of a write, at the product and at its peers.
pub const WRITE_BYTES: usize = 256;

/// What all parts need.
#[derive(Debug)]
pub struct Run {
    /// The program `signalbox`.
    pub program: PathBuf,
    /// A folder of this run's own.
    pub folder: PathBuf,
    /// All ports are counted from here.
    pub base_port: u16,
    /// For how long each load runs.
    pub length: Duration,
    /// How often a region is killed.
    pub rounds: u64,
    /// How many endpoints are written before memory is measured.
    pub endpoints: u64,
}
