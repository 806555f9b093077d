//! How far a wall clock is ahead of this node's own clock that also runs in suspend: the form in which clocks of
//! several nodes, and readings of different moments, are compared.

use std::time::Duration;

use model::time::{BootTime, Timestamp};

/// Nanoseconds in a millisecond, the unit of wall clocks.
const MILLISECOND: i128 = 1_000_000;

/// A wall clock's time minus this node's [`BootTime`], in nanoseconds. Only offsets to the same boot of the same node
/// are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub i128);

impl Offset {
    /// Returns the offset of a clock that shows `wall` at `at`.
    pub fn of(wall: Timestamp, at: BootTime) -> Offset {
        Offset(i128::from(wall.0) * MILLISECOND - i128::from(at.0))
    }

    /// Returns what a clock with this offset shows at `now`, rounded down to milliseconds; kept within what a
    /// [`Timestamp`] can say.
    pub fn at(self, now: BootTime) -> Timestamp {
        let ms = (self.0 + i128::from(now.0)).div_euclid(MILLISECOND);
        Timestamp(u64::try_from(ms.max(0)).unwrap_or(u64::MAX))
    }

    /// Returns by how much two clocks differ.
    pub fn distance(self, other: Offset) -> Duration {
        nanos(self.0.abs_diff(other.0))
    }

    /// Returns how far this clock is ahead of another, in milliseconds; negative when it is behind.
    pub fn ahead_ms(self, other: Offset) -> i64 {
        let ms = (self.0 - other.0) / MILLISECOND;
        i64::try_from(ms).unwrap_or(if ms < 0 { i64::MIN } else { i64::MAX })
    }

    /// Moves this offset towards another, by at most `step`.
    pub(super) fn towards(self, other: Offset, step: Duration) -> Offset {
        let step = i128::try_from(step.as_nanos()).unwrap_or(i128::MAX);
        Offset(self.0 + (other.0 - self.0).clamp(-step, step))
    }
}

fn nanos(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_goes_on_with_the_nodes_own() {
        let offset = Offset::of(Timestamp(1_000), BootTime(5_000_000));
        assert_eq!(offset.at(BootTime(5_000_000)), Timestamp(1_000));
        assert_eq!(offset.at(BootTime(7_999_999)), Timestamp(1_002));
        assert_eq!(offset.at(BootTime(0)), Timestamp(995));
    }

    #[test]
    fn no_clock_is_too_wrong_to_be_compared() {
        let (least, most) =
            (Offset::of(Timestamp(0), BootTime(u64::MAX)), Offset::of(Timestamp(u64::MAX), BootTime(0)));
        assert_eq!(least.at(BootTime(0)), Timestamp(0));
        assert_eq!(most.at(BootTime(u64::MAX)), Timestamp(u64::MAX));
        assert_eq!(least.distance(most), Duration::from_nanos(u64::MAX));
        assert!(most.ahead_ms(least) > 0 && least.ahead_ms(most) < 0);
    }

    #[test]
    fn a_step_goes_no_further_than_its_aim() {
        let (here, aim) = (Offset(0), Offset(-10));
        assert_eq!(here.towards(aim, Duration::from_nanos(4)), Offset(-4));
        assert_eq!(here.towards(aim, Duration::from_nanos(40)), aim);
    }
}
