//! How many claimed messages of one channel a driver has and did not begin. It makes room for further claims as soon as
//! they begin, long before the driver answers for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// See the module's text.
#[derive(Debug, Default)]
pub(super) struct Unbegun(AtomicUsize);

/// A dispatch that the driver has; it is counted until this is dropped.
pub(super) struct Counted {
    unbegun: Arc<Unbegun>,
    less: Arc<Notify>,
}

impl Unbegun {
    /// Returns the count.
    pub(super) fn len(&self) -> usize {
        self.0.load(Ordering::Acquire)
    }

    /// Counts one more; `less` is told when it is counted no longer.
    pub(super) fn count(self: &Arc<Unbegun>, less: &Arc<Notify>) -> Counted {
        self.0.fetch_add(1, Ordering::AcqRel);
        Counted { unbegun: Arc::clone(self), less: Arc::clone(less) }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.unbegun.0.fetch_sub(1, Ordering::AcqRel);
        self.less.notify_one();
    }
}
