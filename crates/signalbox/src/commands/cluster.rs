//! `signalbox cluster`: which nodes there are, who leads, and which time counts.

use clap::{Args, Subcommand, ValueEnum};
use wire::v1;

use super::rejoin::Rejoin;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{NodesView, TimeLeapView, VersionView};

const EXAMPLES: &str = "\
Examples:
  Replace a node: start the new one with `join = true`, then
    signalbox cluster add --id 4 --region us-east-1 --peer 10.0.0.8:4401 --grpc 10.0.0.8:4201 \\
      --rest-url http://10.0.0.8:4101
    signalbox cluster promote 4
    signalbox cluster remove 1

  Transfer the leadership of the control group to node 2:
    signalbox cluster transfer --group 0 --to 2

  After an alarm that most wall clocks leapt, say that they are right:
    signalbox cluster accept-time --dry-run
    signalbox cluster accept-time

  After every node runs the new release, let the cluster use what it brought:
    signalbox cluster raise-version
    signalbox cluster raise-version --yes

`signalbox status` shows the nodes, their replicas and the leaders.";

const ADD_EXAMPLE: &str = "\
Example:
  signalbox cluster add --id 4 --region us-east-1 --peer 10.0.0.8:4401 --grpc 10.0.0.8:4201 \\
    --rest-url http://10.0.0.8:4101";

const ACCEPT_TIME_EXAMPLE: &str = "\
Messages that are due or expire in the time that is skipped do so at once.
Correct the clocks instead if they are wrong.

Examples:
  signalbox cluster accept-time --dry-run
  signalbox cluster accept-time";

const RAISE_VERSION_EXAMPLES: &str = "\
Until then nodes of the former release can be started again, in any order. A
version is never lowered: a release that doesn't know it can't be started on
the nodes' data any more. Without --yes this shows what would change.

Examples:
  signalbox cluster raise-version
  signalbox cluster raise-version --yes";

/// Changes which nodes the cluster has.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Cluster {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a running node as a learner of its groups
    #[command(after_help = ADD_EXAMPLE)]
    Add(Add),
    /// Promote a node's replicas from learners to voters, once they have caught up
    #[command(after_help = "Example:\n  signalbox cluster promote 4")]
    Promote {
        /// Node number.
        node: u64,
    },
    /// Remove a node from all groups; refused when a group would lose its majority
    #[command(after_help = "Example:\n  signalbox cluster remove 1")]
    Remove {
        /// Node number.
        node: u64,
    },
    /// Bring a node back whose data folder is damaged: remove it, set the data aside, add it, promote it
    Rejoin(Rejoin),
    /// Transfer a group's leadership to another node
    #[command(after_help = "Example:\n  signalbox cluster transfer --group 0 --to 2")]
    Transfer {
        /// Group; 0 is the control group.
        #[arg(long)]
        group: u32,
        /// Number of the new leader.
        #[arg(long = "to", value_name = "NODE")]
        to: u64,
    },
    /// Take the wall clocks of most regions for the time, though they leapt by more than an hour
    #[command(name = "accept-time", after_help = ACCEPT_TIME_EXAMPLE)]
    AcceptTime {
        /// Only show both times.
        #[arg(long)]
        dry_run: bool,
    },
    /// Let all groups use what a newer release brought, once every node runs it; there is no way back
    #[command(name = "raise-version", after_help = RAISE_VERSION_EXAMPLES)]
    RaiseVersion {
        /// Apply version; the newest that every node knows if not given.
        #[arg(long = "to", value_name = "VERSION", value_parser = clap::value_parser!(u32).range(1..))]
        to: Option<u32>,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Add {
    /// Node number; at least 1, never given to another node.
    #[arg(long)]
    id: u64,
    /// Region of the node.
    #[arg(long)]
    region: String,
    /// Kind of its region.
    #[arg(long, value_enum, default_value_t = Kind::Serving)]
    kind: Kind,
    /// Address for other nodes.
    #[arg(long, value_name = "HOST:PORT")]
    peer: String,
    /// Address of its gRPC listener.
    #[arg(long, value_name = "HOST:PORT")]
    grpc: String,
    /// Base URL of its REST listener; not for a witness.
    #[arg(long, value_name = "URL")]
    rest_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Takes requests and sends.
    Serving,
    /// Votes and stores, never sends.
    Witness,
}

impl Cluster {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::Add(add) => {
                let request = v1::AddNodeRequest { node: Some(add.into_node()?) };
                let connection = context.connect().await?;
                show(context, connection.answer(connection.cluster().add_node(request)).await?)
            }
            Action::Promote { node: node_id } => {
                let connection = context.connect().await?;
                let request = v1::PromoteNodeRequest { node_id };
                show(context, connection.answer(connection.cluster().promote_node(request)).await?)
            }
            Action::Remove { node: node_id } => {
                let connection = context.connect().await?;
                let request = v1::RemoveNodeRequest { node_id };
                show(context, connection.answer(connection.cluster().remove_node(request)).await?)
            }
            Action::Rejoin(rejoin) => rejoin.run(context).await,
            Action::Transfer { group, to } => transfer(context, group, to).await,
            Action::AcceptTime { dry_run } => {
                let request = v1::AcceptTimeRequest { dry_run };
                let connection = context.connect().await?;
                let leap = connection.answer(connection.cluster().accept_time(request)).await?;
                context.console.show(&TimeLeapView::from(leap))
            }
            Action::RaiseVersion { to, yes } => {
                let request = v1::RaiseVersionRequest { version: to, dry_run: !yes };
                let connection = context.connect().await?;
                let raise = connection.answer(connection.cluster().raise_version(request)).await?;
                context.console.show(&VersionView::from(raise))
            }
        }
    }
}

fn show(context: &mut Context<'_>, members: v1::MembershipResponse) -> Result<(), Failure> {
    context.console.show(&NodesView::from(members))
}

async fn transfer(context: &mut Context<'_>, group: u32, to: u64) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let request = v1::TransferLeaderRequest { group, to_node_id: to };
    connection.answer(connection.cluster().transfer_leader(request)).await?;
    context.console.say(&format!("node {to} leads group {group}"))
}

impl Add {
    fn into_node(self) -> Result<v1::NodeInfo, Failure> {
        match (self.kind, &self.rest_url) {
            (Kind::Serving, None) => return Err(Failure::Usage("a serving node needs --rest-url".to_owned())),
            (Kind::Witness, Some(_)) => return Err(Failure::Usage("a witness has no --rest-url".to_owned())),
            _ => {}
        }
        let kind = match self.kind {
            Kind::Serving => v1::RegionKind::Serving,
            Kind::Witness => v1::RegionKind::Witness,
        };
        Ok(v1::NodeInfo {
            node_id: self.id,
            region: self.region,
            kind: kind as i32,
            peer_address: self.peer,
            grpc_address: self.grpc,
            rest_url: self.rest_url.unwrap_or_default(),
        })
    }
}
