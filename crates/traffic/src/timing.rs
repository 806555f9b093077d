//! The durations of the send lease and of elections, and the inequalities between them that safety needs
//! (docs/lease.md, "Parameters"). Integer arithmetic; nothing here measures time.

use std::time::Duration;

/// The clock rate error that is assumed unless configured otherwise, in per mille.
pub const RHO_PER_MILLE: u32 = 10;
/// The shortest lease that is derived; also its value up to a round trip of 80 ms.
pub const LEASE_MIN: Duration = Duration::from_secs(1);
/// The longest time from a check to the beginning of the dispatch that it allowed.
pub const CRITICAL_SECTION: Duration = Duration::from_millis(50);
/// The shortest heartbeat interval that is derived. Below it, a busy machine's scheduler or a slow disk's sync looks
/// like a lost leader.
pub const HEARTBEAT_MIN: Duration = Duration::from_millis(60);
/// The longest round trip between regions that durations are derived for.
pub const ROUND_TRIP_MAX: Duration = Duration::from_secs(1);
/// The derived lapse is a multiple of this, so that it reads well.
const LAPSE_STEP: Duration = Duration::from_millis(100);

/// The durations that a [`LeaseTiming`] is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimingFields {
    /// D: how long a grant is valid, from the sending of its request, on the holder's clock.
    pub lease: Duration,
    /// G: the longest time from a check to the beginning of the dispatch that it allowed.
    pub critical_section: Duration,
    /// W: how long after a grant the leader counts its holder as holding, on the leader's clock.
    pub lapse: Duration,
    /// E: how old a heartbeat that a quorum answered may be, from its sending, for the leader to be sure that it leads.
    pub leader_lease: Duration,
    /// V: how long a voter refuses votes after a leader's heartbeat and after its own start.
    pub vote_hold_off: Duration,
    /// H: the interval of heartbeats.
    pub heartbeat: Duration,
    /// The time from a leader's heartbeat to the answer that completes a quorum, when all is well.
    pub round_trip: Duration,
    /// How much longer than `round_trip` that may take without anybody noticing.
    pub jitter: Duration,
    /// rho: by how much a clock may run too fast or too slow, in per mille.
    pub rho_per_mille: u32,
}

/// Durations that satisfy every inequality of docs/lease.md. A value of this type is the proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeaseTiming(TimingFields);

/// The range that a follower draws its election timeout from. The upper bound is V, so that a voter that restarted
/// refuses for at least as long as any running one would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElectionTiming {
    /// The shortest timeout.
    pub timeout_min: Duration,
    /// The longest timeout, equal to V.
    pub timeout_max: Duration,
}

/// Says which inequality does not hold, with the values that break it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// A duration that must be positive is zero.
    #[error("the {0} must be longer than zero")]
    Zero(&'static str),
    /// The round trip is zero, or longer than durations are derived for.
    #[error("the round trip must be longer than zero and at most {ROUND_TRIP_MAX:?}, found {0:?}")]
    RoundTrip(Duration),
    /// The clock rate error is not less than the rate itself.
    #[error("the clock rate error must be below 1000 per mille, found {0}")]
    Rho(u32),
    /// W < (1+rho)(D/(1-rho)+G): the leader would stop waiting while the holder still sends.
    #[error("the lapse must be at least (1+rho)(lease/(1-rho)+critical section) = {least:?}, found {lapse:?}")]
    Lapse {
        /// The configured W.
        lapse: Duration,
        /// The smallest W that is safe.
        least: Duration,
    },
    /// E/(1-rho) > V/(1+rho): the leader would be sure that it leads while another is elected.
    #[error(
        "the leader lease/(1-rho) must be at most vote hold-off/(1+rho), found {leader_lease:?} and {vote_hold_off:?}"
    )]
    LeaderLease {
        /// The configured E.
        leader_lease: Duration,
        /// The configured V.
        vote_hold_off: Duration,
    },
    /// E <= H + round trip + jitter: a healthy leader would not be sure, and leases would lapse.
    #[error(
        "the leader lease must be longer than heartbeat + round trip + jitter = {needed:?}, found {leader_lease:?}"
    )]
    Heartbeat {
        /// The configured E.
        leader_lease: Duration,
        /// H + round trip + jitter.
        needed: Duration,
    },
}

impl LeaseTiming {
    /// Derives the durations from the round trip between regions. At 80 ms: D 1 s, G 50 ms, W 1.1 s, H 100 ms, E 400
    /// ms, V 500 ms. Shorter round trips keep D and shorten the others down to H = 60 ms.
    ///
    /// # Errors
    /// When the round trip is zero or over [`ROUND_TRIP_MAX`].
    pub fn for_round_trip(round_trip: Duration) -> Result<LeaseTiming, TimingError> {
        if round_trip.is_zero() || round_trip > ROUND_TRIP_MAX {
            return Err(TimingError::RoundTrip(round_trip));
        }
        let heartbeat = (round_trip * 5 / 4).max(HEARTBEAT_MIN);
        let mut fields = TimingFields {
            lease: (heartbeat * 10).max(LEASE_MIN),
            critical_section: CRITICAL_SECTION,
            lapse: Duration::ZERO,
            leader_lease: heartbeat * 4,
            vote_hold_off: heartbeat * 5,
            heartbeat,
            round_trip,
            jitter: heartbeat,
            rho_per_mille: RHO_PER_MILLE,
        };
        let steps = least_lapse(&fields).as_nanos().div_ceil(LAPSE_STEP.as_nanos());
        fields.lapse = LAPSE_STEP * u32::try_from(steps).map_err(|_| TimingError::RoundTrip(round_trip))?;
        LeaseTiming::new(fields)
    }

    /// Takes durations that somebody chose.
    ///
    /// # Errors
    /// The first inequality that does not hold.
    pub fn new(fields: TimingFields) -> Result<LeaseTiming, TimingError> {
        let positive = [
            ("lease", fields.lease),
            ("critical section", fields.critical_section),
            ("leader lease", fields.leader_lease),
            ("vote hold-off", fields.vote_hold_off),
            ("heartbeat", fields.heartbeat),
        ];
        if let Some((name, _)) = positive.into_iter().find(|(_, duration)| duration.is_zero()) {
            return Err(TimingError::Zero(name));
        }
        if fields.rho_per_mille >= 1_000 {
            return Err(TimingError::Rho(fields.rho_per_mille));
        }
        let TimingFields { lapse, leader_lease, vote_hold_off, .. } = fields;
        let least = least_lapse(&fields);
        if lapse < least {
            return Err(TimingError::Lapse { lapse, least });
        }
        let rho = u128::from(fields.rho_per_mille);
        if leader_lease.as_nanos() * (1_000 + rho) > vote_hold_off.as_nanos() * (1_000 - rho) {
            return Err(TimingError::LeaderLease { leader_lease, vote_hold_off });
        }
        let needed = fields.heartbeat.saturating_add(fields.round_trip).saturating_add(fields.jitter);
        if leader_lease <= needed {
            return Err(TimingError::Heartbeat { leader_lease, needed });
        }
        Ok(LeaseTiming(fields))
    }

    /// Returns the configured round trip between regions.
    pub fn round_trip(&self) -> Duration {
        self.0.round_trip
    }

    /// Returns D.
    pub fn lease(&self) -> Duration {
        self.0.lease
    }

    /// Returns G.
    pub fn critical_section(&self) -> Duration {
        self.0.critical_section
    }

    /// Returns G as a clock within rho may count it, however slow it runs: (1-rho) G.
    pub fn critical_section_on_any_clock(&self) -> Duration {
        self.0.critical_section * (1_000 - self.0.rho_per_mille) / 1_000
    }

    /// Returns W.
    pub fn lapse(&self) -> Duration {
        self.0.lapse
    }

    /// Returns E.
    pub fn leader_lease(&self) -> Duration {
        self.0.leader_lease
    }

    /// Returns V.
    pub fn vote_hold_off(&self) -> Duration {
        self.0.vote_hold_off
    }

    /// Returns H.
    pub fn heartbeat(&self) -> Duration {
        self.0.heartbeat
    }

    /// Returns how long an index may wait before holders that are not fenced up to it are no longer renewed: D/2.
    pub fn patience(&self) -> Duration {
        self.0.lease / 2
    }

    /// Returns how often a holder asks for renewal: D/4, so that two lost requests do not cost the lease.
    pub fn renewal(&self) -> Duration {
        self.0.lease / 4
    }

    /// Returns the timeouts of elections: 4/5 V to V.
    pub fn election(&self) -> ElectionTiming {
        ElectionTiming { timeout_min: self.0.vote_hold_off * 4 / 5, timeout_max: self.0.vote_hold_off }
    }
}

/// Returns (1+rho)(D/(1-rho)+G), rounded up to a nanosecond.
fn least_lapse(fields: &TimingFields) -> Duration {
    let rho = u128::from(fields.rho_per_mille);
    let span = fields.lease.as_nanos() * 1_000 + fields.critical_section.as_nanos() * (1_000 - rho);
    let nanoseconds = (span * (1_000 + rho)).div_ceil(1_000 * (1_000 - rho));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn at_80() -> TimingFields {
        LeaseTiming::for_round_trip(ms(80)).unwrap().0
    }

    #[test]
    fn the_design_s_durations_follow_from_80_ms() {
        let fields = at_80();
        assert_eq!((fields.lease, fields.critical_section, fields.lapse), (ms(1_000), ms(50), ms(1_100)));
        assert_eq!((fields.heartbeat, fields.leader_lease, fields.vote_hold_off), (ms(100), ms(400), ms(500)));
        assert_eq!(LeaseTiming(fields).election(), ElectionTiming { timeout_min: ms(400), timeout_max: ms(500) });
    }

    #[test]
    fn every_round_trip_gives_durations_that_hold() {
        for round_trip in (1..=1_000).map(ms) {
            let timing = LeaseTiming::for_round_trip(round_trip).unwrap();
            assert!(timing.renewal() > round_trip, "{round_trip:?}");
        }
        let loopback = LeaseTiming::for_round_trip(ms(5)).unwrap();
        assert_eq!((loopback.lease(), loopback.vote_hold_off()), (ms(1_000), ms(300)));
        for bad in [Duration::ZERO, ms(1_001)] {
            assert_eq!(LeaseTiming::for_round_trip(bad), Err(TimingError::RoundTrip(bad)));
        }
    }

    #[test]
    fn each_inequality_is_refused_at_its_edge() {
        let least = Duration::from_nanos(1_070_702_021);
        LeaseTiming::new(TimingFields { lapse: least, ..at_80() }).unwrap();
        let lapse = least - Duration::from_nanos(1);
        assert_eq!(LeaseTiming::new(TimingFields { lapse, ..at_80() }), Err(TimingError::Lapse { lapse, least }));

        LeaseTiming::new(TimingFields { leader_lease: ms(490), ..at_80() }).unwrap();
        let leader_lease = ms(491);
        let refused = LeaseTiming::new(TimingFields { leader_lease, ..at_80() });
        assert_eq!(refused, Err(TimingError::LeaderLease { leader_lease, vote_hold_off: ms(500) }));

        LeaseTiming::new(TimingFields { jitter: ms(219), ..at_80() }).unwrap();
        let refused = LeaseTiming::new(TimingFields { jitter: ms(220), ..at_80() });
        assert_eq!(refused, Err(TimingError::Heartbeat { leader_lease: ms(400), needed: ms(400) }));

        let refused = LeaseTiming::new(TimingFields { rho_per_mille: 1_000, ..at_80() });
        assert_eq!(refused, Err(TimingError::Rho(1_000)));
        let refused = LeaseTiming::new(TimingFields { critical_section: Duration::ZERO, ..at_80() });
        assert_eq!(refused, Err(TimingError::Zero("critical section")));
    }

    #[test]
    fn absurd_durations_are_refused_without_overflow() {
        let refused = LeaseTiming::new(TimingFields { lease: Duration::MAX, ..at_80() });
        assert!(matches!(refused, Err(TimingError::Lapse { .. })));
    }
}
