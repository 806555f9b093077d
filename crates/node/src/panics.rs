//! The end of a process whose task panicked. `service::panics` says which panics end a request alone; every other one
//! ends the process at once, so that the other regions notice and a supervisor starts it anew. Nothing is lost by it:
//! what was acknowledged is synced on a majority.

use service::panics::unwinds_here;

/// Ends the process at a panic that may not unwind, after it was reported. To be called once, before anything starts.
pub fn end_the_process_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        if unwinds_here() {
            tracing::error!(%panic, "request panicked; it fails alone");
        } else {
            tracing::error!(%panic, "task panicked; the process ends");
            std::process::abort();
        }
    }));
}
