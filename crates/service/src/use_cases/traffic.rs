//! The traffic plan: looking at it, changing it by hand, and making the first one.

use std::collections::{BTreeMap, BTreeSet};

use model::command::Command;
use model::id::{Epoch, GroupId, RegionId};
use model::outcome::Outcome;
use model::plan::{Author, Frozen, Mode, PlanChange, TrafficPlan, Weights};
use registry::PLANS_WITH_PARTS;
use registry::tables::{Meta, Plans, ReadRows, View};
use tracing::Instrument as _;
use tracing::field::Empty;
use traffic::planning::{self, Override, Part, PlanError, RuleBroken, Why};
use traffic::readiness::RegionReadiness;

use super::{PAGE_MAX, Service, reads_error, unexpected};
use crate::error::{ErrorCode, ServiceError};

/// A change of the plan that is asked for by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRequest {
    /// What to change.
    pub wanted: PlanMove,
    /// Why, for people.
    pub reason: String,
    /// Who asks.
    pub author: Author,
    /// The plan that it was decided on; the current one if not given.
    pub parent: Option<Epoch>,
    /// The rules that it may break.
    pub overrides: BTreeSet<Override>,
}

/// What to change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub enum PlanMove {
    /// Give the regions these weights.
    Shift {
        /// Of what.
        part: Part,
        weights: Weights,
    },
    /// Take a region out.
    Evacuate(RegionId),
    /// Take a region in again.
    Restore(RegionId),
    /// Take a region out and make another the sending one.
    Failover {
        /// The region to take out.
        from: RegionId,
        /// The region that sends from then on.
        to: RegionId,
    },
    /// Let only persons change this.
    Freeze(Frozen),
    /// Let the cluster change this again.
    Unfreeze(Frozen),
    /// Let a standby and the sending region exchange their roles.
    Failback {
        /// The sending region.
        from: RegionId,
        /// The region that sends from then on.
        to: RegionId,
    },
}

/// What became of a change, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanAnswer {
    /// The plan that is now current; after a dry run the one that would be, with time 0.
    pub plan: TrafficPlan,
    /// What changed, one fact a line, for people.
    pub differences: Vec<String>,
}

impl Service {
    /// Returns the current plan.
    ///
    /// # Errors
    /// `NotFound` while the cluster has none.
    pub async fn plan(&self) -> Result<TrafficPlan, ServiceError> {
        let look = |view: &dyn View| {
            let epoch = ReadRows::<Meta>::get(view, &())?.unwrap_or_default().epoch;
            Ok(ReadRows::<Plans>::get(view, &epoch)?)
        };
        let found = self.read(GroupId::CONTROL, look).await?;
        found.ok_or_else(no_plan)
    }

    /// Returns at most `limit` (1..=[`PAGE_MAX`]) plans, the newest first; those before `before`, if given.
    ///
    /// # Errors
    /// When the control group can't be read here.
    pub async fn plan_history(&self, before: Option<Epoch>, limit: usize) -> Result<Vec<TrafficPlan>, ServiceError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let look = |view: &dyn View| {
            let newest = ReadRows::<Meta>::get(view, &())?.unwrap_or_default().epoch;
            let last = before.map_or(newest.0, |before| before.0.saturating_sub(1).min(newest.0));
            let first = last.saturating_sub(limit as u64 - 1).max(1);
            let rows = ReadRows::<Plans>::scan(view, &Epoch(first), limit)?;
            Ok(rows.into_iter().map(|(_, plan)| plan).filter(|plan| plan.epoch.0 <= last).rev().collect())
        };
        self.read(GroupId::CONTROL, look).await
    }

    /// Returns the plan that each partition has adopted, as this region applied it.
    ///
    /// # Errors
    /// When a partition can't be read here.
    pub async fn adoption(&self) -> Result<BTreeMap<GroupId, Epoch>, ServiceError> {
        let mut adopted = BTreeMap::new();
        for group in GroupId::partitions(self.facts.partitions) {
            let meta = self.read(group, |view| Ok(ReadRows::<Meta>::get(view, &())?)).await?;
            adopted.insert(group, meta.unwrap_or_default().epoch);
        }
        Ok(adopted)
    }

    /// Says which regions could send now, as far as this node knows.
    pub fn region_readiness(&self) -> RegionReadiness {
        self.neighbours.readiness()
    }

    /// Says whether a change is refused for no other reason than that a region is on its way to be ready, as just after
    /// its start: asked again in a moment it may pass.
    pub async fn waits_for_a_region(&self, request: &PlanRequest) -> bool {
        match self.plan_change(request.clone()).await {
            Err(PlanRefused::Rule(RuleBroken::NotReady { why, .. })) => why.may_pass(),
            _ => false,
        }
    }

    /// Says what a change would do, without doing it.
    ///
    /// # Errors
    /// As [`Service::change_plan`].
    pub async fn try_plan(&self, request: PlanRequest) -> Result<PlanAnswer, ServiceError> {
        let (differences, change) = self.plan_change(request).await?;
        Ok(PlanAnswer { plan: change.into_plan(model::Timestamp(0)), differences })
    }

    /// Changes the plan. When this answers, every partition goes by the new plan and every sender is fenced: no region
    /// begins to dispatch what the plan took from it.
    ///
    /// # Errors
    /// `Invalid` when the change contradicts the plan; `Precondition` when it breaks a rule that it doesn't override;
    /// `Conflict` when another change came first; the log's errors.
    pub async fn change_plan(&self, request: PlanRequest) -> Result<PlanAnswer, ServiceError> {
        let (differences, change) = self.plan_change(request).await?;
        let plan = self.commit_plan(change).await?;
        Ok(PlanAnswer { plan, differences })
    }

    /// Commits a change that was made and checked elsewhere (the automatic failover), and carries it to the partitions.
    ///
    /// # Errors
    /// `Conflict` when another change came first; the log's errors.
    pub async fn commit_plan(&self, change: PlanChange) -> Result<TrafficPlan, ServiceError> {
        let span = tracing::info_span!("plan_change", parent = change.parent.0, author = %change.author, epoch = Empty);
        self.commit_and_carry(change).instrument(span).await
    }

    async fn commit_and_carry(&self, change: PlanChange) -> Result<TrafficPlan, ServiceError> {
        let plan = match self.propose(GroupId::CONTROL, Command::CommitPlan { change }).await? {
            Outcome::Plan(plan) => *plan,
            _ => return Err(unexpected("something else than a plan")),
        };
        tracing::Span::current().record("epoch", plan.epoch.0);
        tracing::info!("plan committed");
        self.carry_plan(&plan, GroupId::partitions(self.facts.partitions)).await?;
        tracing::info!("plan adopted by every partition");
        Ok(plan)
    }

    /// Returns the current plan, as this node's replica of the control group has it, and the partitions whose replicas
    /// here go by an older one.
    ///
    /// # Errors
    /// `NotFound` while there is no plan; when there is no such replica here, or it can't be read.
    pub fn behind_here(&self) -> Result<(TrafficPlan, Vec<GroupId>), ServiceError> {
        let epoch =
            |view: &dyn View| Ok::<_, ServiceError>(ReadRows::<Meta>::get(view, &())?.unwrap_or_default().epoch);
        let control = self.reads.view(GroupId::CONTROL).map_err(reads_error)?;
        let current = epoch(&*control)?;
        let mut behind = Vec::new();
        for group in GroupId::partitions(self.facts.partitions) {
            match self.reads.view(group) {
                Ok(view) if epoch(&*view)? < current => behind.push(group),
                Ok(_) | Err(_) => {}
            }
        }
        let plan = ReadRows::<Plans>::get(&*control, &current)?.ok_or_else(no_plan)?;
        Ok((plan, behind))
    }

    /// Carries a plan to partitions, and waits until each has adopted it and every sender is fenced.
    ///
    /// # Errors
    /// The log's errors; some of the partitions may have adopted it then.
    pub async fn carry_plan(
        &self,
        plan: &TrafficPlan,
        partitions: impl IntoIterator<Item = GroupId>,
    ) -> Result<(), ServiceError> {
        let adopt = |group| self.propose_fenced(group, Command::AdoptPlan { plan: Box::new(plan.clone()) });
        for answer in futures::future::join_all(partitions.into_iter().map(adopt)).await {
            answer?;
        }
        Ok(())
    }

    /// Commits the first plan of the cluster; returns the current one when there is one already.
    ///
    /// # Errors
    /// The log's errors.
    pub async fn first_plan(&self, mode: Mode, regions: &[RegionId]) -> Result<TrafficPlan, ServiceError> {
        if let Ok(plan) = self.plan().await {
            return Ok(plan);
        }
        let why = Why {
            author: Author::Automatic,
            reason: "the first plan of the cluster".to_owned(),
            evidence: BTreeMap::new(),
        };
        match self.commit_plan(planning::initial(mode, regions, why)?).await {
            Err(error) if error.code == ErrorCode::Conflict => self.plan().await,
            other => other,
        }
    }

    /// Lets a plan with weights of an app or a destination, or with something diverted, pass where every group is at
    /// the version that brought them: no group's leader would let it into the log before.
    ///
    /// # Errors
    /// `Precondition`, with the group that isn't; when one can't be read here.
    pub async fn let_parts_in(&self, current: Option<&TrafficPlan>, change: &PlanChange) -> Result<(), ServiceError> {
        // No version is ever lowered.
        if !change.has_parts() || current.is_some_and(TrafficPlan::has_parts) {
            return Ok(());
        }
        for group in GroupId::all(self.facts.partitions) {
            let version = self.version_of(group).await?;
            if version < PLANS_WITH_PARTS {
                let text = format!(
                    "a plan that names apps or destinations, or is frozen, needs apply version {PLANS_WITH_PARTS}, and group {group} is \
                     at {version}: raise it with `signalbox cluster raise-version`"
                );
                return Err(ServiceError::new(ErrorCode::Precondition, text));
            }
        }
        Ok(())
    }

    async fn plan_change(&self, request: PlanRequest) -> Result<(Vec<String>, PlanChange), PlanRefused> {
        let current = self.plan().await?;
        if let Some(parent) = request.parent.filter(|parent| *parent != current.epoch) {
            return Err(PlanError::Stale { current: current.epoch, parent }.into());
        }
        let why = Why { author: request.author, reason: request.reason, evidence: BTreeMap::new() };
        let readiness = self.region_readiness();
        let mut change = match request.wanted {
            PlanMove::Shift { part, weights } => planning::set_weights(&current, part, weights, why)?,
            // One that could send takes the place; if there is none, the rule below says so.
            PlanMove::Evacuate(region) => {
                let able = |other: &RegionId| readiness.can_stand_in(other);
                planning::withdraw(&current, &region, &able, why.clone())
                    .or_else(|_| planning::withdraw(&current, &region, &|_| true, why))?
            }
            PlanMove::Freeze(part) => planning::freeze(&current, part, why)?,
            PlanMove::Unfreeze(part) => planning::unfreeze(&current, part, why)?,
            PlanMove::Restore(region) => planning::restore(&current, &region, why)?,
            PlanMove::Failover { from, to } => planning::failover(&current, &from, &to, why)?,
            PlanMove::Failback { from, to } => planning::failback(&current, &from, &to, why)?,
        };
        self.let_parts_in(Some(&current), &change).await?;
        if !request.overrides.contains(&Override::LastRegions) {
            planning::keeps_two_regions(&current, &change)?;
        }
        let overridden = planning::gives_only_to_ready(&current, &change, &readiness, &request.overrides)?;
        let mut differences = planning::describe_difference(&current, &change);
        for (region, lacks) in overridden {
            differences.push(format!("{region} is not ready for traffic: {lacks}"));
            change.evidence.insert(Override::NotReady(region).to_string(), format!("overridden by name: {lacks}"));
        }
        Ok((differences, change))
    }
}

fn no_plan() -> ServiceError {
    ServiceError::new(ErrorCode::NotFound, "the cluster has no traffic plan yet")
}

/// Why a change isn't made.
enum PlanRefused {
    /// It breaks a rule that it may override by name.
    Rule(RuleBroken),
    /// It can't be made.
    Other(ServiceError),
}

impl From<RuleBroken> for PlanRefused {
    fn from(broken: RuleBroken) -> PlanRefused {
        PlanRefused::Rule(broken)
    }
}

impl From<PlanError> for PlanRefused {
    fn from(error: PlanError) -> PlanRefused {
        PlanRefused::Other(error.into())
    }
}

impl From<ServiceError> for PlanRefused {
    fn from(error: ServiceError) -> PlanRefused {
        PlanRefused::Other(error)
    }
}

impl From<PlanRefused> for ServiceError {
    fn from(refused: PlanRefused) -> ServiceError {
        match refused {
            PlanRefused::Rule(broken) => ServiceError::new(ErrorCode::Precondition, broken.to_string()),
            PlanRefused::Other(error) => error,
        }
    }
}

impl From<PlanError> for ServiceError {
    fn from(error: PlanError) -> ServiceError {
        let code = match error {
            PlanError::Stale { .. } => ErrorCode::Conflict,
            _ => ErrorCode::Invalid,
        };
        ServiceError::new(code, error.to_string())
    }
}
