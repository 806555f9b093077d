//! A rolling upgrade under load, as a schedule: every node is given the newer build, one after the other, then the former
//! one again, then the newer one; faults come between while both builds are there. Then the apply version is raised, and
//! the former build is tried once more. The order of the nodes, the faults and their places are drawn from a seed.
//!
//! What must hold meanwhile is what holds always: the checks know nothing of builds but the two that are about them.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};
use wire::v1;

use crate::history::{Fault, FaultKind, Line, Region, Upgrade};
use crate::inject::Injection;
use crate::schedule::{Planned, REST, draw_fault};

/// How long all rests between two steps: what is judged of one is not to be another's consequence.
pub const BETWEEN: Duration = Duration::from_secs(6);
/// How long a node may take until it is ready as another build.
const READY_MAX: Duration = Duration::from_secs(30);
/// How long the former build may run on what it can't read: until it meets the first entry that tells it.
const TURNED_AWAY_MAX: Duration = Duration::from_secs(30);
/// How long, and how often, the version is tried to be raised: each node says twice a second what it knows.
const RAISE_MAX: Duration = Duration::from_secs(20);
const RAISE_EVERY: Duration = Duration::from_millis(500);
const CALL_MAX: Duration = Duration::from_secs(5);

/// One of the two builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// The one that all nodes start with.
    Former,
    Newer,
}

/// A step of the upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A node is stopped in order and started as a build.
    Replace(Region, Build),
    /// Something goes wrong; its time counts from the step before.
    Fault(Planned),
    /// The apply version of all groups is raised.
    Raise,
    /// The former build is started on a node's data, and the newer one again when that has ended.
    TryFormer(Region),
}

/// The programs.
#[derive(Debug, Clone, Copy)]
pub struct Programs<'a> {
    pub former: &'a Path,
    pub newer: &'a Path,
}

/// Draws the steps for `regions` regions; one fault of `kinds` comes in each round, and one after the version is raised.
pub fn draw(seed: u64, kinds: &[FaultKind], regions: usize) -> Vec<Step> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut steps = Vec::new();
    for build in [Build::Newer, Build::Former, Build::Newer] {
        let mut round: Vec<Region> = (0..regions).collect();
        random.shuffle(&mut round);
        let mut round: Vec<Step> = round.into_iter().map(|region| Step::Replace(region, build)).collect();
        if let Some(kind) = random.choice(kinds) {
            let fault = draw_fault(&mut random, *kind, regions, Duration::ZERO);
            round.insert(random.usize(1..regions), Step::Fault(fault));
        }
        steps.extend(round);
    }
    steps.push(Step::Raise);
    if let Some(kind) = random.choice(kinds) {
        steps.push(Step::Fault(draw_fault(&mut random, *kind, regions, Duration::ZERO)));
    }
    steps.push(Step::TryFormer(random.usize(..regions)));
    steps
}

impl Injection<'_> {
    /// Takes all steps.
    ///
    /// # Errors
    /// When a node doesn't end, start or get ready in time, when the version can't be raised, and as
    /// [`carry_out`](Injection::carry_out).
    pub async fn upgrade(&mut self, steps: &[Step], programs: Programs<'_>) -> anyhow::Result<()> {
        for step in steps {
            sleep(BETWEEN).await;
            match step {
                Step::Replace(region, build) => self.replace(*region, *build, programs).await?,
                Step::Fault(planned) => {
                    self.carry_out_one(planned).await?;
                    sleep(REST - BETWEEN).await;
                }
                Step::Raise => self.raise().await?,
                Step::TryFormer(region) => self.try_former(*region, programs).await?,
            }
        }
        Ok(())
    }

    async fn replace(&mut self, region: Region, build: Build, programs: Programs<'_>) -> anyhow::Result<()> {
        let (program, name) = match build {
            Build::Former => (programs.former, "former"),
            Build::Newer => (programs.newer, "newer"),
        };
        (self.say)(format!("{} is stopped and given the {name} build", self.name(region)));
        let begun_us = self.recorder.now();
        self.cluster.replace(region, program).await?;
        self.cluster.start_again(region)?;
        self.cluster.wait_until_ready(region, READY_MAX).await?;
        self.replaced(region, begun_us);
        self.restore().await
    }

    fn replaced(&self, region: Region, begun_us: u64) {
        let (kind, ended_us) = (FaultKind::Replacement, self.recorder.now());
        self.recorder.record(Line::Fault(Fault { kind, region, other: None, begun_us, ended_us }));
    }

    async fn raise(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let error = match self.try_raise().await {
                Ok((from, to)) if from < to => {
                    (self.say)(format!("all groups are raised from apply version {from} to {to}"));
                    self.recorder.record(Line::Upgrade(Upgrade::Raised { at_us: self.recorder.now(), from, to }));
                    return Ok(());
                }
                Ok((at, _)) => anyhow::bail!("both builds know apply version {at} and no newer one"),
                Err(error) => error,
            };
            if began.elapsed() > RAISE_MAX {
                return Err(error).context("the apply version can't be raised");
            }
            sleep(RAISE_EVERY).await;
        }
    }

    async fn try_raise(&self) -> anyhow::Result<(u32, u32)> {
        let listener = self.cluster.listeners().next().context("no listener")?;
        let connection = self.cluster.connect(listener, CALL_MAX).await?;
        let request = v1::RaiseVersionRequest { version: None, dry_run: false };
        let raise = connection.cluster().raise_version(request).await?.into_inner();
        Ok((raise.from_version, raise.to_version))
    }

    async fn try_former(&mut self, region: Region, programs: Programs<'_>) -> anyhow::Result<()> {
        (self.say)(format!("{} is given the former build, which can't read its data any more", self.name(region)));
        let begun_us = self.recorder.now();
        self.cluster.replace(region, programs.former).await?;
        self.cluster.start_again(region)?;
        let ended = self.cluster.wait_ended(region, TURNED_AWAY_MAX).await;
        let at_us = self.recorder.now();
        let seen = match ended {
            Ok(said) => Upgrade::TurnedAway { at_us, region, said },
            Err(_) => Upgrade::Ran { at_us, region },
        };
        self.recorder.record(Line::Upgrade(seen));
        self.cluster.replace(region, programs.newer).await?;
        self.cluster.start_again(region)?;
        self.cluster.wait_until_ready(region, READY_MAX).await?;
        self.replaced(region, begun_us);
        self.restore().await
    }

    fn name(&self, region: Region) -> &'static str {
        self.cluster.options().regions[region]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [FaultKind; 2] = [FaultKind::Kill, FaultKind::Isolation];

    #[test]
    fn every_node_goes_there_and_back_and_there_again_before_there_is_no_way_back() {
        for seed in 0..50 {
            let steps = draw(seed, &KINDS, 3);
            assert_eq!(steps, draw(seed, &KINDS, 3));
            for region in 0..3 {
                let own = steps.iter().filter_map(|step| match step {
                    Step::Replace(given, build) if *given == region => Some(*build),
                    _ => None,
                });
                assert_eq!(own.collect::<Vec<_>>(), [Build::Newer, Build::Former, Build::Newer]);
            }
            let raised = steps.iter().position(|step| *step == Step::Raise).unwrap();
            let last = steps.iter().rposition(|step| matches!(step, Step::Replace(..))).unwrap();
            assert!(last < raised, "{steps:?}");
            assert!(matches!(steps.last(), Some(Step::TryFormer(_))), "{steps:?}");
        }
    }

    #[test]
    fn a_fault_comes_while_both_builds_are_there() {
        for seed in 0..50 {
            let steps = draw(seed, &KINDS, 3);
            for (place, step) in steps.iter().enumerate().filter(|(_, step)| matches!(step, Step::Fault(_))) {
                let after_raise = steps[..place].contains(&Step::Raise);
                let mixed = |at: usize| matches!(steps[at], Step::Replace(..));
                assert!(after_raise || (mixed(place - 1) && mixed(place + 1)), "{step:?} in {steps:?}");
            }
        }
    }
}
