//! The knobs of the detector. An operator should touch only `threshold`, the hold and the ramp.

/// How sure the detector has to be, and how traffic comes back. Scores are in nats (natural logarithms of likelihood
/// ratios), times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthSettings {
    /// The score at which a region counts as ill. A false alarm at the tolerated level of failure has a probability of
    /// at most `exp(-threshold)` each time that a score leaves zero.
    pub threshold: f64,
    /// How many seconds of proof it takes at least: no second supplies more than its share of the threshold.
    pub proof_seconds: u32,
    /// How much more likely it must be that the other regions are well than that they are as ill, in nats.
    pub proof_elsewhere: f64,
    /// How much more likely that must be for three quarters of the threshold to be enough, in nats.
    pub clear_elsewhere: f64,
    /// Which share of the excess failures moving must avoid.
    pub benefit: f64,
    /// With how many made-up trials the others are assumed to be as ill, as long as they have shown nothing.
    pub doubt: f64,
    /// A destination or app with more than this share of the traffic is never left out of the judgement.
    pub dominant: f64,
    /// For how long a destination that failed in another region too is not moved.
    pub common_seconds: u64,
    /// For how long traffic stays away at least; doubled for each shift that is remembered.
    pub hold: u64,
    /// The longest hold.
    pub hold_max: u64,
    /// For how long a shift is remembered.
    pub hold_memory: u64,
    /// The evidence that brings traffic back a step, in nats.
    pub return_evidence: f64,
    /// Whether what was moved away is probed. Where it isn't, the first step of its way back is the trial.
    pub probes: bool,
    /// The shares of its traffic that a region gets back, one after the other. Rising; the last is 1.
    pub ramp: Vec<f64>,
    /// For how long a step of the ramp lasts at least.
    pub step_seconds: u64,
    /// How often a heartbeat of a region that is well is missed.
    pub heartbeat_missed: f64,
    /// How often the same reason for doing nothing is told.
    pub note_seconds: u64,
}

/// Why settings can't be used.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} must be {must}, and is {is}")]
#[expect(missing_docs, reason = "the message says it")]
pub struct HealthSettingsError {
    pub name: &'static str,
    pub must: &'static str,
    pub is: f64,
}

impl Default for HealthSettings {
    fn default() -> HealthSettings {
        HealthSettings {
            threshold: 10.0,
            proof_seconds: 4,
            proof_elsewhere: 6.0,
            clear_elsewhere: 18.0,
            benefit: 0.5,
            doubt: 3.0,
            dominant: 0.9,
            common_seconds: 300,
            hold: 60,
            hold_max: 3_600,
            hold_memory: 6 * 3_600,
            return_evidence: 7.0,
            probes: true,
            ramp: vec![0.05, 0.25, 1.0],
            step_seconds: 15,
            heartbeat_missed: 0.005,
            note_seconds: 300,
        }
    }
}

impl HealthSettings {
    /// Checks the settings.
    ///
    /// # Errors
    ///
    /// The first one that can't be used.
    pub fn check(&self) -> Result<(), HealthSettingsError> {
        let refuse = |name, must, is: f64| Err(HealthSettingsError { name, must, is });
        // Below this a second of chance is an alarm; above, no region would ever count as ill.
        if !(4.0..=100.0).contains(&self.threshold) {
            return refuse("threshold", "from 4 to 100 nats", self.threshold);
        }
        if !(1..=60).contains(&self.proof_seconds) {
            return refuse("proof_seconds", "from 1 to 60", f64::from(self.proof_seconds));
        }
        if !(0.0..=1.0).contains(&self.benefit) {
            return refuse("benefit", "a share from 0 to 1", self.benefit);
        }
        if self.hold > self.hold_max {
            return refuse("hold", "at most hold_max", self.hold as f64);
        }
        let rises =
            self.ramp.windows(2).all(|pair| pair[0] < pair[1]) && self.ramp.first().is_some_and(|step| *step > 0.0);
        match self.ramp.last() {
            Some(last) if rises && *last == 1.0 => Ok(()),
            last => refuse("ramp", "rising shares above 0 that end with 1", last.copied().unwrap_or(0.0)),
        }
    }

    /// The threshold for one destination of a region: there are many, so each has to be clearer.
    pub(crate) fn destination_threshold(&self) -> f64 {
        self.threshold + 4.0
    }

    /// The score from which on a destination looks ill by itself, before it is judged.
    pub(crate) fn looks_ill(&self) -> f64 {
        self.destination_threshold() / 2.0
    }

    /// The score that is enough where the others have clearly shown that they are better.
    pub(crate) fn clear_threshold(&self) -> f64 {
        0.75 * self.threshold
    }

    /// What one second may add to a score at most that is compared with `threshold`.
    pub(crate) fn cap(&self, threshold: f64) -> f64 {
        threshold / f64::from(self.proof_seconds)
    }
}
