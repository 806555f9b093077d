//! The room that callbacks have in a node, apart from that of other requests: places and work under way. Whoever finds
//! no place is told to come again; whoever has one waits for work in the order in which it asked.

use service::use_cases::recording::RECORD_WORK_MAX;
use tokio::sync::Semaphore;

/// How many callbacks may be read at a time. Their bytes are bounded by what is for all who name no key.
const READING_MAX: usize = 64;
/// How many callbacks may be worked off or wait for it: with the largest bodies 16 MiB.
const RECORDING_MAX: usize = 64;
/// How much of callbacks may be under way to the groups at a time, in messages and recipients: two full chunks, so that
/// one is on its way while the other is applied. One entry may hold all of it, and heartbeats wait while it is applied.
pub(super) const WORK_MAX: usize = 2 * RECORD_WORK_MAX;

/// The room that callbacks have in a node.
pub(super) struct Room {
    /// Places for bodies that nobody has vouched for yet.
    pub(super) reading: Semaphore,
    /// Places for those that are worked off or wait for it.
    pub(super) recording: Semaphore,
    /// Fair: who asked first is served first.
    pub(super) work: Semaphore,
}

impl Default for Room {
    fn default() -> Room {
        Room {
            reading: Semaphore::new(READING_MAX),
            recording: Semaphore::new(RECORDING_MAX),
            work: Semaphore::new(WORK_MAX),
        }
    }
}
