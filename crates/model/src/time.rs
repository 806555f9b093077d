//! Two clocks that never meet: the wall clock that commands see, and a node's own clock for leases.

use std::fmt;
use std::ops::Add;
use std::time::Duration;

/// Wall-clock time in milliseconds since 1970-01-01T00:00:00Z. In commands it is the leader's stamp, which apply clamps
/// so that it never decreases within a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Returns the time `later` after this one; the end of time when that overflows.
    pub fn plus(self, later: Duration) -> Timestamp {
        Timestamp(self.0.saturating_add(u64::try_from(later.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the time from `earlier` to this one; zero when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A reading of one node's clock that also runs in suspend (CLOCK_BOOTTIME), in nanoseconds from that clock's own
/// start. Readings of two nodes, or of two boots of a machine, are never compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BootTime(pub u64);

impl BootTime {
    /// Returns the time from `earlier` to this reading; zero when `earlier` is later.
    pub fn since(self, earlier: BootTime) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for BootTime {
    type Output = BootTime;

    fn add(self, later: Duration) -> BootTime {
        BootTime(self.0.saturating_add(u64::try_from(later.as_nanos()).unwrap_or(u64::MAX)))
    }
}
