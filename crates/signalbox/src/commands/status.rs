//! `signalbox status`: how the cluster stands.

use clap::Args;
use wire::v1;

use crate::context::Context;
use crate::failure::Failure;
use crate::views::StatusView;

const EXAMPLES: &str = "\
Any node answers, also without a majority, with what it sees itself.

Examples:
  signalbox status
  signalbox status --endpoint 127.0.0.1:4203    as the third region sees it
  signalbox status --output json | jq '.alarms[].name'";

/// Shows how the cluster stands: alarms, regions, nodes, groups.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Status {}

impl Status {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let response = connection.answer(connection.cluster().status(v1::StatusRequest {})).await?;
        context.console.show(&StatusView::from(response))
    }
}
