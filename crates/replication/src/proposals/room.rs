//! How much of one group may be queued or under way on a node. What waits for fences has a room of its own: however
//! many opt-outs wait for a holder that can't be reached, they leave the room of everything else alone.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The most submissions of one group that are queued or under way on one node, without those that wait for fences.
pub const QUEUE_LEN_MAX: usize = 16_384;
/// The most bytes of proposals of one group that are queued or under way on one node, without those that wait for
/// fences.
pub const QUEUE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// The most submissions of one group that are to be fenced and are queued, under way or waiting for fences on one node.
pub const FENCED_LEN_MAX: usize = QUEUE_LEN_MAX / 2;
/// The most bytes of those.
pub const FENCED_BYTES_MAX: usize = QUEUE_BYTES_MAX / 2;

/// What a submission takes up at least, so that one count of bytes bounds how many there are as well.
const BYTES_MIN: usize = QUEUE_BYTES_MAX / QUEUE_LEN_MAX;
const _: () = assert!(FENCED_BYTES_MAX / FENCED_LEN_MAX == BYTES_MIN);

/// A share of a room, given back when it is dropped.
pub(super) type Share = OwnedSemaphorePermit;

/// The rooms of one group's queue.
#[derive(Clone)]
pub(super) struct Room {
    plain: Arc<Semaphore>,
    fenced: Arc<Semaphore>,
    plain_bytes: usize,
}

impl Room {
    /// Makes room for so many bytes, at most [`QUEUE_BYTES_MAX`], and half as many that are to be fenced.
    pub(super) fn new(bytes: usize) -> Room {
        let plain_bytes = bytes.min(QUEUE_BYTES_MAX);
        let semaphore = |bytes| Arc::new(Semaphore::new(bytes));
        Room { plain: semaphore(plain_bytes), fenced: semaphore(plain_bytes / 2), plain_bytes }
    }

    /// Takes room for a submission of so many bytes that waits for no fence, if there is any.
    pub(super) fn take_plain(&self, bytes: usize) -> Option<Share> {
        take(&self.plain, bytes)
    }

    /// Takes room for a submission of so many bytes that waits for fences, if there is any.
    pub(super) fn take_fenced(&self, bytes: usize) -> Option<Share> {
        take(&self.fenced, bytes)
    }

    /// Says whether nothing is queued or under way but what is to be fenced.
    pub(super) fn is_free_of_plain(&self) -> bool {
        self.plain.available_permits() == self.plain_bytes
    }
}

fn take(room: &Arc<Semaphore>, bytes: usize) -> Option<Share> {
    let permits = u32::try_from(bytes.max(BYTES_MIN)).ok()?;
    room.clone().try_acquire_many_owned(permits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_many_nor_large_ones_take_more_than_their_room() {
        for (bytes, fit) in [(1, FENCED_LEN_MAX), (FENCED_BYTES_MAX / 4, 4)] {
            let room = Room::new(QUEUE_BYTES_MAX);
            let taken: Vec<Share> = std::iter::from_fn(|| room.take_fenced(bytes)).collect();
            assert_eq!(taken.len(), fit, "of {bytes} bytes");
            assert!(room.is_free_of_plain());
            let plain: Vec<Share> = std::iter::from_fn(|| room.take_plain(bytes)).collect();
            assert_eq!(plain.len(), fit * 2, "of {bytes} bytes");
            assert!(!room.is_free_of_plain());
            drop((taken, plain));
            assert!(room.is_free_of_plain() && room.take_fenced(bytes).is_some());
        }
    }
}
