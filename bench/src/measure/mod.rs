//! Measuring: load on somebody's listeners, how long answers took, what processes used. Knows nothing of Signalbox, so
//! that its peers are measured with the same ruler.

mod latency;
mod load;
mod usage;

pub use latency::{Latency, Percentiles};
pub use load::{Caller, Done, Load, Pace, Tally, run};
pub use usage::{Usage, forget_peak, loopback_bytes, usage, usage_of_all};
