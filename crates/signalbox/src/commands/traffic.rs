//! `signalbox traffic`: which region sends what, and changes of that.

use clap::{Args, Subcommand};
use tonic::Code;
use wire::v1;

use super::adoption::wait_until_adopted;
use super::arguments::{self, parse_weight};
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{AdoptionView, ExplainView, HistoryView, PlanChangeView, PlanWithAdoptionView, promised};

const EXAMPLES: &str = "\
Every change commits one traffic plan with its reason. Once a change is answered, no region sends against it.

Examples:
  signalbox traffic plan
  signalbox traffic evacuate us-east-1 --reason 'carrier outage' --dry-run
  signalbox traffic evacuate us-east-1 --reason 'carrier outage'
  signalbox traffic restore us-east-1 --reason 'carrier is back'
  signalbox traffic shift us-east-1=20 eu-west-1=40 ap-southeast-2=40 --reason 'rebalance'
  signalbox traffic failover us-east-1 eu-west-1 --reason 'drill'
  signalbox traffic failback eu-west-1 us-east-1 --reason 'drill is over'
  signalbox traffic history --limit 5
  signalbox traffic explain                             why the current plan was made";

const FAILBACK_EXAMPLES: &str = "\
The way back after a failover: restore the region that was evacuated, which makes it a standby, then exchange.

Examples:
  signalbox traffic restore us-east-1 --reason 'region is back'
  signalbox traffic failback eu-west-1 us-east-1 --reason 'region is back' --dry-run
  signalbox traffic failback eu-west-1 us-east-1 --reason 'region is back'";

const SHIFT_EXAMPLES: &str = "\
Examples:
  signalbox traffic shift us-east-1=20 eu-west-1=40 ap-southeast-2=40 --reason 'rebalance'
  signalbox traffic shift us-east-1=1 eu-west-1=9 --channel SMS --reason 'warm up' --dry-run
  signalbox traffic shift eu-west-1=1 --channel SMS --destination +44 --reason 'numbers are there'
  signalbox traffic shift --inherit --channel SMS --destination +44 --reason 'all well'
  signalbox traffic shift eu-west-1=1 --app 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a --reason 'stays there'";

const EVACUATE_EXAMPLES: &str = "\
Examples:
  signalbox traffic evacuate us-east-1 --reason 'carrier outage' --dry-run
  signalbox traffic evacuate us-east-1 --reason 'carrier outage' --override last_regions";

const RESTORE_EXAMPLES: &str = "\
Refused while the region isn't ready: while one of its nodes is silent or holds no send leases.

Examples:
  signalbox traffic restore us-east-1 --reason 'carrier is back'
  signalbox traffic restore us-east-1 --reason 'node 4 comes later' --even-if-not-ready us-east-1";

const FREEZE_EXAMPLES: &str = "\
A frozen region that is lost keeps its share, and what is sent to it waits: freeze for a short time.

Examples:
  signalbox traffic freeze us-east-1 --reason 'network maintenance until 14:00'
  signalbox traffic freeze --channel SMS --reason 'the carrier tests'
  signalbox traffic freeze --all --reason 'we are looking at it'";

const RULE_HINT: &str = "; to override the named safety rule, add --override NAME";

/// Shows and changes which region sends what.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Traffic {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the current plan and which partitions have adopted it
    #[command(after_help = "Example:\n  signalbox traffic plan --output json")]
    Plan,
    /// List plans, newest first
    #[command(after_help = "Example:\n  signalbox traffic history --limit 5 --before 12")]
    History {
        /// Largest number of plans listed.
        #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
        /// List only plans before this one.
        #[arg(long, value_name = "EPOCH")]
        before: Option<u64>,
    },
    /// Say why a plan was made, on which evidence, and what it changed
    #[command(after_help = "Examples:\n  signalbox traffic explain\n  signalbox traffic explain 12 --output json")]
    Explain {
        /// Number of the plan; the current one if not given.
        #[arg(value_name = "EPOCH", value_parser = clap::value_parser!(u64).range(1..))]
        epoch: Option<u64>,
    },
    /// Set region weights for all traffic, a channel, a destination, or an app
    #[command(after_help = SHIFT_EXAMPLES)]
    Shift {
        /// New relative weight of each active region.
        #[arg(value_name = "REGION=WEIGHT", required_unless_present = "inherit", value_parser = parse_weight)]
        weights: Vec<(String, u32)>,
        /// Shift only this channel.
        #[arg(long, ignore_case = true, value_parser = arguments::channel())]
        channel: Option<v1::Channel>,
        /// Shift only what goes to this calling code or mailbox domain on the channel.
        #[arg(long, value_name = "CODE|DOMAIN", requires = "channel")]
        destination: Option<String>,
        /// Shift only what this app sends.
        #[arg(long, value_name = "APP_ID", conflicts_with = "channel")]
        app: Option<String>,
        /// Take its own weights away from the channel, destination or app.
        #[arg(long, conflicts_with = "weights")]
        inherit: bool,
        #[command(flatten)]
        change: Change,
    },
    /// Evacuate a region: no new messages, and its waiting messages move to the other regions
    #[command(after_help = EVACUATE_EXAMPLES)]
    Evacuate {
        /// Region to evacuate.
        region: String,
        #[command(flatten)]
        change: Change,
    },
    /// Restore an evacuated region with its previous weight
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore {
        /// Region to restore.
        region: String,
        #[command(flatten)]
        change: Change,
    },
    /// Let only persons change a region's or channel's traffic, or the whole plan, until it is unfrozen
    #[command(after_help = FREEZE_EXAMPLES)]
    Freeze {
        #[command(flatten)]
        part: FrozenPart,
        #[command(flatten)]
        change: Change,
    },
    /// Let the cluster change again what was frozen
    #[command(after_help = "Example:\n  signalbox traffic unfreeze us-east-1 --reason 'maintenance is over'")]
    Unfreeze {
        #[command(flatten)]
        part: FrozenPart,
        #[command(flatten)]
        change: Change,
    },
    /// Warm standby only: evacuate the active region and activate a standby
    #[command(after_help = "Example:\n  signalbox traffic failover us-east-1 eu-west-1 --reason drill")]
    Failover {
        /// Active region to evacuate.
        from: String,
        /// Standby region to activate.
        to: String,
        #[command(flatten)]
        change: Change,
    },
    /// Warm standby only: let the active region and a standby exchange their roles; both stay in service
    #[command(after_help = FAILBACK_EXAMPLES)]
    Failback {
        /// Active region, which becomes a standby.
        from: String,
        /// Standby region to activate.
        to: String,
        #[command(flatten)]
        change: Change,
    },
}

/// What is frozen: one of these.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct FrozenPart {
    /// What this region sends: it is neither taken out nor back in, whatever becomes of it.
    region: Option<String>,
    /// What health would do to this channel.
    #[arg(long, ignore_case = true, value_parser = arguments::channel())]
    channel: Option<v1::Channel>,
    /// The whole plan.
    #[arg(long)]
    all: bool,
}

impl From<FrozenPart> for v1::Frozen {
    fn from(part: FrozenPart) -> v1::Frozen {
        use v1::frozen::Part;
        let part = match part {
            FrozenPart { region: Some(region), .. } => Part::Region(region),
            FrozenPart { channel: Some(channel), .. } => Part::Channel(channel as i32),
            FrozenPart { .. } => Part::Everything(true),
        };
        v1::Frozen { part: Some(part) }
    }
}

/// What every change of the plan says.
#[derive(Debug, Args)]
struct Change {
    /// Reason, kept in the history; 1 to 500 characters.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Show the plan that would be committed; change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Override a safety rule, named as in the refusal; repeatable.
    #[arg(long = "override", value_name = "NAME")]
    override_rules: Vec<String>,
    /// Give this region traffic although it isn't ready; repeatable.
    #[arg(long, value_name = "REGION")]
    even_if_not_ready: Vec<String>,
    /// Refuse the change unless this plan is current.
    #[arg(long, value_name = "EPOCH")]
    parent: Option<u64>,
    /// Return once committed, without waiting until every partition has adopted the plan.
    #[arg(long)]
    no_wait: bool,
}

impl Traffic {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let mut traffic = connection.traffic();
        let (change, no_wait) = match self.action {
            Action::Plan => return show_plan(context, &connection).await,
            Action::History { limit, before } => {
                let request = v1::HistoryRequest { page_size: limit, before_epoch: before };
                let response = connection.answer(traffic.history(request)).await?;
                return context.console.show(&HistoryView::from(response));
            }
            Action::Explain { epoch } => return explain(context, &connection, epoch).await,
            Action::Shift { weights, channel, destination, app, inherit: _, change } => {
                let no_wait = change.no_wait;
                let (options, channel) = (Some(change.into()), channel.unwrap_or_default() as i32);
                let weights = Some(v1::Weights { weights: weights.into_iter().collect() });
                let answer = if destination.is_some() || app.is_some() {
                    let (destination, app_id) = (destination.unwrap_or_default(), app.unwrap_or_default());
                    let request = v1::ShiftPartRequest { options, app_id, channel, destination, weights };
                    connection.answer(traffic.shift_part(request)).await
                } else {
                    connection.answer(traffic.shift(v1::ShiftRequest { options, channel, weights })).await
                };
                (answer, no_wait)
            }
            Action::Evacuate { region, change } => {
                let no_wait = change.no_wait;
                let request = v1::EvacuateRequest { options: Some(change.into()), region };
                (connection.answer(traffic.evacuate(request)).await, no_wait)
            }
            Action::Restore { region, change } => {
                let no_wait = change.no_wait;
                let request = v1::RestoreRequest { options: Some(change.into()), region };
                (connection.answer(traffic.restore(request)).await, no_wait)
            }
            Action::Failover { from, to, change } => {
                let no_wait = change.no_wait;
                let request = v1::FailoverRequest { options: Some(change.into()), from_region: from, to_region: to };
                (connection.answer(traffic.failover(request)).await, no_wait)
            }
            Action::Freeze { part, change } => {
                let no_wait = change.no_wait;
                let request = v1::FreezeRequest { options: Some(change.into()), part: Some(part.into()) };
                (connection.answer(traffic.freeze(request)).await, no_wait)
            }
            Action::Unfreeze { part, change } => {
                let no_wait = change.no_wait;
                let request = v1::UnfreezeRequest { options: Some(change.into()), part: Some(part.into()) };
                (connection.answer(traffic.unfreeze(request)).await, no_wait)
            }
            Action::Failback { from, to, change } => {
                let no_wait = change.no_wait;
                let request = v1::FailbackRequest { options: Some(change.into()), from_region: from, to_region: to };
                (connection.answer(traffic.failback(request)).await, no_wait)
            }
        };
        let response = change.map_err(|failure| failure.hinting(Code::FailedPrecondition, RULE_HINT))?;
        show_change(context, &connection, response, no_wait).await
    }
}

async fn show_plan(context: &mut Context<'_>, connection: &Connection) -> Result<(), Failure> {
    let response = connection.answer(connection.traffic().get_plan(v1::GetPlanRequest {})).await?;
    let plan = promised(response.plan, "plan")?;
    context.console.show(&PlanWithAdoptionView::new(plan, response.adoption))
}

/// Shows a plan beside the one that it replaced.
async fn explain(context: &mut Context<'_>, connection: &Connection, epoch: Option<u64>) -> Result<(), Failure> {
    let request = v1::HistoryRequest { page_size: 2, before_epoch: epoch.map(|epoch| epoch.saturating_add(1)) };
    let plans = connection.answer(connection.traffic().history(request)).await?.plans;
    let mut plans = plans.into_iter();
    let plan = plans.next().filter(|plan| epoch.is_none_or(|epoch| epoch == plan.epoch));
    let plan = plan.ok_or_else(|| match epoch {
        Some(epoch) => Failure::Usage(format!("there is no plan {epoch}: see `signalbox traffic history`")),
        None => Failure::Unfinished("the cluster has no traffic plan yet".to_owned()),
    })?;
    context.console.show(&ExplainView::new(plan, plans.next()))
}

/// Shows what a change did or would do, and which partitions adopt it.
async fn show_change(
    context: &mut Context<'_>,
    connection: &Connection,
    response: v1::PlanChangeResponse,
    no_wait: bool,
) -> Result<(), Failure> {
    let plan = promised(response.plan, "plan")?;
    let epoch = plan.epoch;
    let view = PlanChangeView::new(plan, response.description, response.committed);
    context.console.say(&crate::console::View::text(&view))?;
    let adoption = if !response.committed || no_wait {
        response.adoption.into_iter().map(AdoptionView::from).collect()
    } else {
        wait_until_adopted(connection, &mut context.console, epoch, response.adoption).await?
    };
    context.console.show_to_programs(&view.with_adoption(adoption))
}

impl From<Change> for v1::ChangeOptions {
    fn from(change: Change) -> v1::ChangeOptions {
        let not_ready = change.even_if_not_ready.into_iter().map(|region| format!("not_ready:{region}"));
        v1::ChangeOptions {
            reason: change.reason,
            dry_run: change.dry_run,
            override_rules: change.override_rules.into_iter().chain(not_ready).collect(),
            parent_epoch: change.parent,
        }
    }
}
