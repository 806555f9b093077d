//! How many bytes of contents are with drivers, in all partitions of a node. A driver writes each message's content
//! anew, so that one which many messages share counts with each of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// From how many bytes on no partition begins another batch. What is begun last may go over it, by one batch for each
/// thread that runs partitions.
pub(crate) const CONTENT_BYTES_MAX: usize = 128 << 20;

/// See the module's text.
#[derive(Debug, Default)]
pub(crate) struct ContentRoom {
    used: AtomicUsize,
}

/// What a batch takes of the room, until it is dropped.
#[derive(Debug)]
pub(crate) struct ContentShare {
    room: Arc<ContentRoom>,
    bytes: usize,
}

impl ContentRoom {
    /// Says whether a batch must wait for others to end.
    pub fn is_full(&self) -> bool {
        self.used.load(Ordering::Relaxed) >= CONTENT_BYTES_MAX
    }

    /// Counts the contents of a batch.
    pub fn take(self: &Arc<Self>, bytes: usize) -> ContentShare {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        ContentShare { room: Arc::clone(self), bytes }
    }
}

impl Drop for ContentShare {
    fn drop(&mut self) {
        self.room.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_makes_room() {
        let room = Arc::new(ContentRoom::default());
        let one = room.take(CONTENT_BYTES_MAX - 1);
        assert!(!room.is_full());
        let other = room.take(1);
        assert!(room.is_full());
        drop(one);
        assert!(!room.is_full());
        drop(other);
        assert_eq!(room.used.load(Ordering::Relaxed), 0);
    }
}
