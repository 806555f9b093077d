//! Moves waiting messages to the regions that the adopted plan names (rules R11 and R12).
//!
//! Under each new plan the outbox of every region is walked once, from its start to its end, and only when the region
//! can no longer dispatch what it had: it reported *drained*, or its lease lapsed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::command::{CHUNK_MAX, Command, OutboxCursor};
use model::id::{Epoch, GroupId, MessageId, RegionId};
use model::outcome::Outcome;
use model::plan::TrafficPlan;
use model::time::{BootTime, Timestamp};
use registry::tables::{AdoptedPlan, Outbox, ReadRows, TableError, View};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, Leases, LogError};

/// How often a region that is neither drained nor lapsed is looked at again.
const TAKEOVER_LOOK: Duration = Duration::from_millis(50);

/// Where the walk through one region's outbox stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Walk {
    cursor: Option<OutboxCursor>,
    under_way: Option<u64>,
    rest_until: BootTime,
}

/// See the module's text.
pub struct TakeoverDuty {
    group: GroupId,
    leases: Arc<dyn Leases>,
    /// The plan that the walks below are for.
    epoch: Epoch,
    walks: BTreeMap<RegionId, Walk>,
    finished: BTreeSet<RegionId>,
    next_tag: u64,
}

impl TakeoverDuty {
    /// Begins the duty for a partition.
    pub fn new(group: GroupId, leases: Arc<dyn Leases>) -> TakeoverDuty {
        TakeoverDuty { group, leases, epoch: Epoch(0), walks: BTreeMap::new(), finished: BTreeSet::new(), next_tag: 0 }
    }

    fn begin_epoch(&mut self, epoch: Epoch) {
        if epoch != self.epoch {
            self.epoch = epoch;
            self.walks.clear();
            self.finished.clear();
        }
    }

    /// Says what to do about one region, or nothing when it must be waited for.
    fn step_region(&mut self, now: Now, region: &RegionId, view: &dyn View) -> Result<Option<Wish>, TableError> {
        if !self.walks.contains_key(region) && outbox_is_empty(view, region)? {
            self.finished.insert(region.clone());
            return Ok(None);
        }
        let may_move = self.leases.may_move(self.group, region, self.epoch);
        let walk = self.walks.entry(region.clone()).or_default();
        if !may_move || walk.under_way.is_some() || walk.rest_until > now.boot_time {
            return Ok(None);
        }
        self.next_tag += 1;
        walk.under_way = Some(self.next_tag);
        let command =
            Command::Takeover { region: region.clone(), epoch: self.epoch, cursor: walk.cursor, limit: CHUNK_MAX };
        let acknowledgement = Acknowledgement::Applied;
        Ok(Some(Wish { tag: self.next_tag, group: self.group, commands: vec![command], acknowledgement }))
    }
}

fn outbox_is_empty(view: &dyn View, region: &RegionId) -> Result<bool, TableError> {
    let start = (region.clone(), Timestamp(0), MessageId(0));
    let first = ReadRows::<Outbox>::scan(view, &start, 1)?;
    Ok(first.first().is_none_or(|((owner, ..), _)| owner != region))
}

impl Duty for TakeoverDuty {
    fn name(&self) -> &'static str {
        "takeover"
    }

    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError> {
        let Some(plan): Option<TrafficPlan> = ReadRows::<AdoptedPlan>::get(view, &())? else {
            return Ok(Step::default());
        };
        self.begin_epoch(plan.epoch);
        let mut wishes = Vec::new();
        for region in plan.regions.keys().filter(|region| !self.finished.contains(region)).cloned().collect::<Vec<_>>()
        {
            wishes.extend(self.step_region(now, &region, view)?);
        }
        let unfinished = plan.regions.keys().any(|region| !self.finished.contains(region));
        Ok(Step { wishes, again: unfinished.then_some(TAKEOVER_LOOK) })
    }

    fn answered(&mut self, now: Now, tag: u64, answer: &Result<Applied, LogError>) {
        let found = self.walks.iter_mut().find(|(_, walk)| walk.under_way == Some(tag));
        let Some((region, walk)) = found else { return };
        walk.under_way = None;
        match answer.as_ref().map(|applied| applied.outcomes.first()) {
            Ok(Some(Outcome::Chunk { next: Some(next), more: true, .. })) => walk.cursor = Some(*next),
            Ok(Some(Outcome::Chunk { .. })) => {
                let region = region.clone();
                self.walks.remove(&region);
                self.finished.insert(region);
            }
            _ => walk.rest_until = now.boot_time + DUTY_RETRY,
        }
    }
}
