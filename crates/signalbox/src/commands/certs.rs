//! `signalbox certs`: the cluster's own certificate authority, in a folder of the operator's.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use model::id::{ClusterId, NodeId, RegionId};

use crate::certs::{Authority, CertsError, NodeName};
use crate::context::Context;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Nodes prove to each other with these certificates that they belong to the cluster. Keep the folder off the nodes: who has \
its ca-key.pem can make members. Copy ca.pem, node-N.pem and node-N-key.pem to node N and name them in its [tls.peer]; its \
cluster.id is what init printed. Nodes take up changed files within ten seconds, or at SIGHUP.

Examples:
  Make the authority and the cluster's id, then a certificate per node:
    signalbox certs init --dir ./tls
    signalbox certs issue --dir ./tls --node 1 --region us-east-1

  Renew a node's certificate before it expires, and copy both files:
    signalbox certs issue --dir ./tls --node 1 --region us-east-1

  Replace the authority, without a restart:
    signalbox certs rotate --dir ./tls            # then copy ca.pem to all nodes
    signalbox certs issue --dir ./tls ...         # for every node; then copy the files
    signalbox certs rotate --dir ./tls --finish   # then copy ca.pem to all nodes";

/// Makes and renews the certificates that nodes show each other.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Certs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an authority and draw the cluster's id
    #[command(after_help = "Example:\n  signalbox certs init --dir ./tls")]
    Init {
        #[command(flatten)]
        at: Place,
        /// Cluster id to use instead of a new one: 32 hexadecimal digits.
        #[arg(long, value_name = "ID")]
        cluster: Option<ClusterId>,
        /// Days for which the authority's certificate is valid.
        #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
    },
    /// Issue a node's certificate and key, in the place of earlier ones
    #[command(after_help = "Example:\n  signalbox certs issue --dir ./tls --node 1 --region us-east-1 --host 10.0.0.7")]
    Issue {
        #[command(flatten)]
        at: Place,
        /// Node number, as in its configuration.
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
        node: u64,
        /// Region of the node.
        #[arg(long, value_name = "REGION", value_parser = region)]
        region: RegionId,
        /// Further host name or IP address, so that the listeners can use the certificate too; repeatable.
        #[arg(long = "host", value_name = "HOST")]
        hosts: Vec<String>,
        /// Days for which the certificate is valid.
        #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
    },
    /// Replace the authority: begin with a second one, or finish without the first
    #[command(after_help = "Example:\n  signalbox certs rotate --dir ./tls")]
    Rotate {
        #[command(flatten)]
        at: Place,
        /// Trust the old authority no longer.
        #[arg(long)]
        finish: bool,
        /// Days for which the new authority's certificate is valid.
        #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
    },
}

#[derive(Debug, Args)]
struct Place {
    /// Folder of the authority.
    #[arg(long = "dir", value_name = "FOLDER")]
    folder: PathBuf,
}

impl Certs {
    pub fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let said = match self.action {
            Action::Init { at, cluster, days } => {
                let cluster = match cluster {
                    Some(cluster) => cluster,
                    None => ClusterId(node::world::random_id()),
                };
                let authority = Authority::init(&at.folder, cluster, days)?;
                format!(
                    "authority made in {folder}\n\nin each node's configuration:\n  [cluster]\n  id = \"{cluster}\"\n\n\
                     next: signalbox certs issue --dir {folder} --node NUMBER --region REGION",
                    cluster = authority.cluster(),
                    folder = at.folder.display(),
                )
            }
            Action::Issue { at, node, region, hosts, days } => {
                let authority = Authority::open(&at.folder)?;
                let issued = authority.issue(&NodeName { node: NodeId(node), region, hosts }, days)?;
                format!(
                    "certificate of node {node} made, valid for {days} days; copy to the node:\n  {}\n  {}\n  {}",
                    authority.trusted().display(),
                    issued.certificate.display(),
                    issued.key.display(),
                )
            }
            Action::Rotate { at, finish: true, .. } => {
                let authority = Authority::open(&at.folder)?;
                authority.finish()?;
                format!("old authority no longer trusted; copy to all nodes:\n  {}", authority.trusted().display())
            }
            Action::Rotate { at, finish: false, days } => {
                let authority = Authority::open(&at.folder)?;
                authority.rotate(days)?;
                format!(
                    "new authority made; copy to all nodes:\n  {}\nthen issue every node's certificate again, copy them, \
                     and end with --finish",
                    authority.trusted().display()
                )
            }
        };
        context.console.write(&said)
    }
}

fn region(text: &str) -> Result<RegionId, String> {
    RegionId::new(text).map_err(|error| error.to_string())
}

impl From<CertsError> for Failure {
    fn from(error: CertsError) -> Failure {
        anyhow::Error::from(error).into()
    }
}
