//! The traffic plan: looking at it and changing it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use model::id::Epoch;
use model::plan::Author;
use policy::Action;
use service::use_cases::{Override, PAGE_MAX, PlanMove, PlanRequest};
use tokio::time::Instant;
use tonic::{Extensions, Request, Response, Status};
use traffic::planning::Part;
use wire::public::{parse_channel, parse_frozen, parse_region, parse_scope, parse_weights};
use wire::v1;

use super::error::GrpcError;
use super::health::health;
use super::state::GrpcApi;
use crate::limits;

/// How many plans a page of the history holds when the request doesn't say.
const HISTORY_PAGE: usize = 20;
/// How long a change waits for a region that is heard and not ready yet: one that has just started holds its leases, and
/// has told the others so, within about a second after its own readiness says yes.
const READY_WAIT: Duration = Duration::from_secs(3);
/// How often that is looked at.
const READY_LOOK: Duration = Duration::from_millis(100);
/// The longest reason of a change, in characters.
const REASON_MAX: usize = 500;

pub(super) struct TrafficService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::traffic_server::Traffic for TrafficService {
    async fn get_plan(&self, request: Request<v1::GetPlanRequest>) -> Result<Response<v1::GetPlanResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetPlan)?;
        let plan = self.0.service.plan().await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::GetPlanResponse { plan: Some(plan.into()), adoption: self.adoption().await? }))
    }

    async fn history(&self, request: Request<v1::HistoryRequest>) -> Result<Response<v1::HistoryResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetPlanHistory)?;
        let request = request.into_inner();
        let limit = match usize::try_from(request.page_size) {
            Ok(0) => HISTORY_PAGE,
            other => other.unwrap_or(usize::MAX),
        };
        limits::some("page_size", limit, PAGE_MAX, "plans").map_err(GrpcError::from)?;
        let before = request.before_epoch.map(Epoch);
        let plans = self.0.service.plan_history(before, limit).await.map_err(GrpcError::from)?;
        let next_before_epoch =
            plans.last().map(|plan| plan.epoch.0).filter(|epoch| plans.len() == limit && *epoch > 1);
        let plans = plans.into_iter().map(v1::TrafficPlan::from).collect();
        Ok(Response::new(v1::HistoryResponse { plans, next_before_epoch }))
    }

    async fn shift(&self, request: Request<v1::ShiftRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let options = request.options;
        let wanted = || {
            let channel = match request.channel {
                0 => None,
                code => Some(parse_channel(code, "channel")?),
            };
            let part = Part::from(channel);
            Ok(PlanMove::Shift { part, weights: parse_weights(request.weights)? })
        };
        Ok(self.change(&extensions, options, wanted).await?)
    }

    async fn shift_part(
        &self,
        request: Request<v1::ShiftPartRequest>,
    ) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, mut request) = request.into_parts();
        let options = request.options.take();
        let wanted = || {
            let part = Part::Scope(parse_scope(&request)?);
            Ok(PlanMove::Shift { part, weights: parse_weights(request.weights)? })
        };
        Ok(self.change(&extensions, options, wanted).await?)
    }

    async fn evacuate(
        &self,
        request: Request<v1::EvacuateRequest>,
    ) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let wanted = || Ok(PlanMove::Evacuate(parse_region(&request.region, "region")?));
        Ok(self.change(&extensions, request.options, wanted).await?)
    }

    async fn restore(&self, request: Request<v1::RestoreRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let wanted = || Ok(PlanMove::Restore(parse_region(&request.region, "region")?));
        Ok(self.change(&extensions, request.options, wanted).await?)
    }

    async fn health(&self, request: Request<v1::HealthRequest>) -> Result<Response<v1::HealthResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetHealth)?;
        Ok(Response::new(health(self.0.health.report())))
    }

    async fn failover(
        &self,
        request: Request<v1::FailoverRequest>,
    ) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let wanted = || {
            Ok(PlanMove::Failover {
                from: parse_region(&request.from_region, "from_region")?,
                to: parse_region(&request.to_region, "to_region")?,
            })
        };
        Ok(self.change(&extensions, request.options, wanted).await?)
    }

    async fn freeze(&self, request: Request<v1::FreezeRequest>) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let wanted = || Ok(PlanMove::Freeze(parse_frozen(request.part)?));
        Ok(self.change(&extensions, request.options, wanted).await?)
    }

    async fn unfreeze(
        &self,
        request: Request<v1::UnfreezeRequest>,
    ) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let wanted = || Ok(PlanMove::Unfreeze(parse_frozen(request.part)?));
        Ok(self.change(&extensions, request.options, wanted).await?)
    }

    async fn failback(
        &self,
        request: Request<v1::FailbackRequest>,
    ) -> Result<Response<v1::PlanChangeResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let wanted = || {
            let from = parse_region(&request.from_region, "from_region")?;
            Ok(PlanMove::Failback { from, to: parse_region(&request.to_region, "to_region")? })
        };
        Ok(self.change(&extensions, request.options, wanted).await?)
    }
}

impl TrafficService {
    /// Carries out a change, or says what it would do.
    async fn change(
        &self,
        extensions: &Extensions,
        options: Option<v1::ChangeOptions>,
        wanted: impl FnOnce() -> Result<PlanMove, GrpcError> + Send,
    ) -> Result<Response<v1::PlanChangeResponse>, GrpcError> {
        let entered = self.0.enter(extensions, Action::ChangePlan)?;
        let options = options.unwrap_or_default();
        let dry_run = options.dry_run;
        let request = plan_request(options, wanted()?, Author::Principal(entered.caller.principal.name.clone()))?;
        let service = &self.0.service;
        if !dry_run {
            self.wait_for_a_region(&request).await;
        }
        let answer = if dry_run { service.try_plan(request).await? } else { service.change_plan(request).await? };
        Ok(Response::new(v1::PlanChangeResponse {
            plan: Some(answer.plan.into()),
            description: answer.differences,
            committed: !dry_run,
            adoption: self.adoption().await?,
        }))
    }

    /// Waits at most [`READY_WAIT`] while the only thing that is missing is a region's word that it is ready.
    async fn wait_for_a_region(&self, request: &PlanRequest) {
        let due = Instant::now() + READY_WAIT;
        while Instant::now() < due && self.0.service.waits_for_a_region(request).await {
            tokio::time::sleep(READY_LOOK).await;
        }
    }

    async fn adoption(&self) -> Result<Vec<v1::Adoption>, GrpcError> {
        let adoption = self.0.service.adoption().await?;
        Ok(adoption
            .into_iter()
            .map(|(group, epoch)| v1::Adoption { group: u32::from(group.0), epoch: epoch.0 })
            .collect())
    }
}

fn plan_request(options: v1::ChangeOptions, wanted: PlanMove, author: Author) -> Result<PlanRequest, GrpcError> {
    limits::some("options.reason", options.reason.chars().count(), REASON_MAX, "characters")?;
    let overrides = options.override_rules.iter().map(|name| rule(name)).collect::<Result<BTreeSet<_>, _>>()?;
    let parent = options.parent_epoch.map(Epoch);
    Ok(PlanRequest { wanted, reason: options.reason, author, parent, overrides })
}

fn rule(name: &str) -> Result<Override, GrpcError> {
    Override::parse(name)
        .ok_or_else(|| GrpcError::invalid("options.override_rules", &format!("{name:?} is not a safety rule")))
}
