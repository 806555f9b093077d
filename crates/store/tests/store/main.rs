//! The store against models, against crashes, and against what happens to directories. One program, because each would
//! link RocksDB again.
#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod common;

mod install;
mod keys;
mod log;
mod rocks;
mod state;
