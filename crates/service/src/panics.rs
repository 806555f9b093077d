//! Which panics a node survives. A panic while a request is answered or a provider's driver runs ends that request
//! alone. Any other one (applying, Raft, logs, leases, duties) leaves a task dead on which others rely, so that the
//! process ends: a node that half works is worse than one that is replaced. Whoever polls what may unwind says so here;
//! the hook that `node` installs asks.

use std::cell::Cell;
use std::future::poll_fn;
use std::pin::pin;

thread_local! {
    static MAY_UNWIND: Cell<bool> = const { Cell::new(false) };
}

/// Polls a future in which a panic may unwind: it belongs to one request or one dispatch.
pub async fn may_unwind<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|context| {
        let _mark = Mark::set();
        future.as_mut().poll(context)
    })
    .await
}

/// Says whether a panic on this thread, now, may unwind.
pub fn unwinds_here() -> bool {
    MAY_UNWIND.get()
}

/// Marks this thread for as long as it lives; the mark from before comes back, also when a panic unwinds past it.
struct Mark {
    before: bool,
}

impl Mark {
    fn set() -> Mark {
        Mark { before: MAY_UNWIND.replace(true) }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        MAY_UNWIND.set(self.before);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn the_mark_is_there_while_the_future_is_polled_and_only_then() {
        let mut future = pin!(may_unwind(async { unwinds_here() }));
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!(polled, Poll::Ready(true));
        assert!(!unwinds_here());
    }

    #[test]
    fn a_panic_takes_the_mark_with_it() {
        let mut future = pin!(may_unwind(async { panic!("planted") }));
        let polled = AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        assert!(catch_unwind(polled).is_err());
        assert!(!unwinds_here());
    }
}
