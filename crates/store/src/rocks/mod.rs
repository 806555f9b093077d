//! The two RocksDBs of a node. RocksDB's names stay in this room.
//!
//! The log and the states are two databases, because one log sync must not wait for the states' writes: a shared
//! database synced at every write did 522 state batches/s, two did 6,308 (docs/design/storage.md).

mod engine;
mod errors;
mod faults;
mod open;
mod options;
mod staging;
mod view;

pub use open::{OPEN_FILES_MIN, RocksConfig, RocksEngines};
