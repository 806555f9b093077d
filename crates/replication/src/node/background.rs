//! Where work is done that may block: reading, writing and flushing states. Async code hands it over and waits.

use std::io;

use service::ports::BoxFuture;
use tokio::sync::oneshot;

/// Work that may block for long: flushing to a disk.
pub type Work = Box<dyn FnOnce() + Send>;

/// Where work that may block is done: threads in production, in place in the simulator.
pub trait Background: Send + Sync {
    /// Does the work, and returns when it is done.
    fn run(&self, work: Work) -> BoxFuture<'static, ()>;
}

/// Does the work in place.
#[derive(Debug, Clone, Copy, Default)]
pub struct InPlace;

impl Background for InPlace {
    fn run(&self, work: Work) -> BoxFuture<'static, ()> {
        work();
        Box::pin(std::future::ready(()))
    }
}

/// Does the work on tokio's threads for blocking work.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlockingThreads;

impl Background for BlockingThreads {
    fn run(&self, work: Work) -> BoxFuture<'static, ()> {
        let done = tokio::task::spawn_blocking(work);
        Box::pin(async move {
            // Work that panicked never said that it is done, which its caller sees.
            let _ = done.await;
        })
    }
}

/// Says that work ended without its result: it panicked, or the runtime is shutting down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("background task cancelled")]
pub(crate) struct CutOff;

impl From<CutOff> for io::Error {
    fn from(cut_off: CutOff) -> io::Error {
        io::Error::other(cut_off)
    }
}

/// Does work that may block, and returns its result. The work goes on to its end when nobody waits any more.
pub(crate) async fn call<T: Send + 'static>(
    background: &dyn Background,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CutOff> {
    let (done, result) = oneshot::channel();
    let work = move || {
        // Nobody waits for the result any more only when the node stops or a transfer breaks off.
        let _ = done.send(work());
    };
    background.run(Box::new(work)).await;
    result.await.map_err(|_| CutOff)
}
