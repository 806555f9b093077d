//! Carries out the schedule: each fault begins, lasts, and ends; then whoever looks after the cluster gives the region
//! its share back, as an operator would.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep, sleep_until};
use wire::v1;

use crate::history::{Fault, FaultKind, Line, Region};
use crate::recorder::Recorder;
use crate::schedule::Planned;
use crate::world::Cluster;

/// How long a region may take after a fault until it is ready again.
const READY_MAX: Duration = Duration::from_secs(30);
/// How often, and for how long, its share is given back until that is taken.
const RESTORE_EVERY: Duration = Duration::from_millis(500);
const RESTORE_MAX: Duration = Duration::from_secs(20);
const CALL_MAX: Duration = Duration::from_secs(3);
/// How much longer each sync of a slow disk takes: much more than a leader's lease lasts without a sync.
const SLOW_SYNC: Duration = Duration::from_millis(700);

/// What the faults are carried out on.
pub struct Injection<'a> {
    pub cluster: &'a mut Cluster,
    pub recorder: &'a Arc<Recorder>,
    /// When the schedule's time began.
    pub began: Instant,
    /// Told what happens, a line at a time.
    pub say: &'a (dyn Fn(String) + Sync),
}

impl Injection<'_> {
    /// Carries out a schedule.
    ///
    /// # Errors
    /// When a process can't be killed or started, or a node isn't ready in time after its fault.
    pub async fn carry_out(&mut self, schedule: &[Planned]) -> anyhow::Result<()> {
        for planned in schedule {
            sleep_until(self.began + planned.at).await;
            self.carry_out_one(planned).await?;
        }
        Ok(())
    }

    /// Carries out one fault, now.
    ///
    /// # Errors
    /// As [`carry_out`](Injection::carry_out).
    pub async fn carry_out_one(&mut self, planned: &Planned) -> anyhow::Result<()> {
        (self.say)(format!("{} for {:.1} s", self.named(planned), planned.length.as_secs_f64()));
        let begun_us = self.recorder.now();
        self.begin(planned).await?;
        sleep(planned.length).await;
        self.end(planned).await?;
        let Planned { kind, region, other, .. } = *planned;
        let ended_us = self.recorder.now();
        self.recorder.record(Line::Fault(Fault { kind, region, other, begun_us, ended_us }));
        for place in [Some(region), other].into_iter().flatten() {
            self.cluster.wait_until_ready(place, READY_MAX).await?;
        }
        self.restore().await
    }

    async fn begin(&mut self, planned: &Planned) -> anyhow::Result<()> {
        match planned.kind {
            FaultKind::Kill => self.cluster.kill(planned.region).await,
            FaultKind::PowerCut => self.cluster.cut_power(planned.region).await,
            FaultKind::Pause => self.cluster.pause(planned.region),
            FaultKind::ClockJump => self.cluster.set_clock(planned.region, planned.jump_s),
            FaultKind::SlowDisk => self.cluster.delay_syncs(planned.region, SLOW_SYNC),
            FaultKind::FullDisk => self.cluster.fill_disk(planned.region).await,
            FaultKind::LostDisk => self.cluster.lose_disk(planned.region).await,
            _ => self.cut(planned, true),
        }
    }

    async fn end(&mut self, planned: &Planned) -> anyhow::Result<()> {
        match planned.kind {
            FaultKind::Kill | FaultKind::PowerCut | FaultKind::LostDisk => self.cluster.start_again(planned.region),
            FaultKind::FullDisk => self.cluster.free_disk(planned.region).await,
            FaultKind::SlowDisk => self.cluster.delay_syncs(planned.region, Duration::ZERO),
            FaultKind::ClockJump => self.cluster.set_clock(planned.region, 0),
            FaultKind::Pause => self.cluster.go_on(planned.region),
            _ => self.cut(planned, false),
        }
    }

    fn cut(&self, planned: &Planned, cut: bool) -> anyhow::Result<()> {
        let other = || planned.other.context("a cut line has two ends");
        match planned.kind {
            FaultKind::Isolation => self.cluster.isolate(planned.region, cut),
            FaultKind::CutLine => self.cluster.cut_line(planned.region, other()?, cut),
            FaultKind::CutOneWay => self.cluster.cut_one_way(planned.region, other()?, cut),
            kind => anyhow::bail!("{kind:?} cuts no line"),
        }
        Ok(())
    }

    fn named(&self, planned: &Planned) -> String {
        let name = |region: Region| self.cluster.options().regions[region];
        let other = planned.other.map(name).unwrap_or_default();
        let region = name(planned.region);
        match planned.kind {
            FaultKind::Kill => format!("{region} is killed"),
            FaultKind::PowerCut => format!("{region} loses power"),
            FaultKind::Isolation => format!("{region} is cut off from all regions"),
            FaultKind::CutLine => format!("the line between {region} and {other} is cut"),
            FaultKind::CutOneWay => format!("{other} doesn't hear {region} any more"),
            FaultKind::Pause => format!("{region} is stopped where it is"),
            FaultKind::ClockJump => format!("the clock of {region} jumps by {} s", planned.jump_s),
            FaultKind::Replacement => format!("{region} is given another build"),
            FaultKind::SlowDisk => format!("each sync of {region} takes {} ms longer", SLOW_SYNC.as_millis()),
            FaultKind::FullDisk => format!("the disk of {region} is full"),
            FaultKind::LostDisk => format!("{region} is killed and loses its disk"),
        }
    }

    /// Gives every region that the plan evacuated its share back.
    pub async fn restore(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let left = self.try_restore().await;
            match left {
                Ok(0) => return Ok(()),
                Err(error) if began.elapsed() > RESTORE_MAX => {
                    return Err(error).context("a region's share was not given back");
                }
                Ok(_) if began.elapsed() > RESTORE_MAX => anyhow::bail!("a region stays evacuated"),
                Ok(_) | Err(_) => sleep(RESTORE_EVERY).await,
            }
        }
    }

    /// Returns how many regions were evacuated and have been asked back.
    async fn try_restore(&self) -> anyhow::Result<usize> {
        let listener = self.cluster.listeners().next().context("no listener")?;
        let connection = self.cluster.connect(listener, CALL_MAX).await?;
        let plan = connection.traffic().get_plan(v1::GetPlanRequest {}).await?.into_inner().plan.context("no plan")?;
        let evacuated = |state: &i32| *state == v1::RegionState::Evacuated as i32;
        let evacuated: Vec<String> =
            plan.regions.iter().filter(|(_, state)| evacuated(state)).map(|(region, _)| region.clone()).collect();
        for region in &evacuated {
            let options = v1::ChangeOptions { reason: "the region is back".to_owned(), ..Default::default() };
            let request = v1::RestoreRequest { options: Some(options), region: region.clone() };
            connection.traffic().restore(request).await?;
            (self.say)(format!("{region} has its share again"));
        }
        Ok(evacuated.len())
    }
}
