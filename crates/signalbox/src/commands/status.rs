//! `signalbox status`: how the cluster stands, once or again and again.

use std::time::Duration;

use clap::Args;
use wire::v1;

use crate::connection::Connection;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::StatusView;

const EXAMPLES: &str = "\
Any node answers, also without a majority, with what it sees itself. ALARM lines come first and say what to do. SHARE is
what a region gets of new messages, SENDS how that goes.

Examples:
  signalbox status
  signalbox status --watch                      again every two seconds, until Ctrl-C
  signalbox status --endpoint 127.0.0.1:4203    as the third region sees it
  signalbox status --output json | jq '.alarms[].name'";

/// How often the screen is drawn anew unless it is said, in seconds.
const WATCH_S: &str = "2";

/// Shows how the cluster stands: alarms, regions, nodes, groups.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {
    /// Draw the screen anew every so many seconds, 1 to 3600, also while no node answers; JSON is a line each.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = WATCH_S)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=3_600))]
    watch: Option<u64>,
}

impl Status {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let Some(seconds) = self.watch else {
            let status = ask(&context.connect().await?).await?;
            return context.console.show(&status);
        };
        loop {
            let status = match context.connect().await {
                Ok(connection) => ask(&connection).await,
                Err(failure) => Err(failure),
            };
            match status {
                Ok(status) => context.console.show_anew(&status)?,
                // Nodes come back; a wrong key doesn't become right.
                Err(failure) if failure.may_pass() => context.console.say_anew(&failure.to_string())?,
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
}

async fn ask(connection: &Connection) -> Result<StatusView, Failure> {
    let (mut cluster, mut plans, mut health) = (connection.cluster(), connection.traffic(), connection.traffic());
    let newest = v1::HistoryRequest { page_size: 1, before_epoch: None };
    let (status, plans, health) = tokio::join!(
        connection.answer(cluster.status(v1::StatusRequest {})),
        connection.answer(plans.history(newest)),
        connection.answer(health.health(v1::HealthRequest {})),
    );
    // A key that may not see the traffic, or a node that can't tell it, still has a status.
    let plan = plans.ok().and_then(|history| history.plans.into_iter().next());
    Ok(StatusView::from(status?).with_traffic(plan, health.ok()))
}
