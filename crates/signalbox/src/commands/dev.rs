//! `signalbox dev`: a development cluster on this machine, and orders to it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use tokio::net::UnixStream;

use crate::context::Context;
use crate::dev::{self, Layout, MODES, Order, REGIONS};
use crate::failure::Failure;

/// The largest base port whose highest port still is one.
const BASE_PORT_MAX: i64 = 65_000;

const EXAMPLES: &str = "\
Ports: REST listeners at base+1..3, gRPC at base+101..103, sandbox at base+200, node to node at base+301..303.

Examples:
  signalbox dev
  signalbox dev --fresh --mode warm_standby
  signalbox dev --base-port 5100           a second cluster beside the first

In another terminal, with the same --base-port or --folder:
  signalbox dev status
  signalbox dev kill us-east-1             as `kill -9` would
  signalbox dev start us-east-1";

/// Runs three regions with sandbox providers on this machine, until Ctrl-C.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Dev {
    /// Base port: every listener has a port at a fixed distance from it.
    #[arg(long, value_name = "PORT", global = true, default_value_t = 4100,
          value_parser = clap::value_parser!(u16).range(1_024..=BASE_PORT_MAX))]
    base_port: u16,
    /// Folder for configurations, data and logs [default: $XDG_STATE_HOME/signalbox/dev-PORT, or
    /// ~/.local/state/signalbox/dev-PORT].
    #[arg(long, value_name = "FOLDER", global = true)]
    folder: Option<PathBuf>,
    /// Mode of the first traffic plan.
    #[arg(long, default_value = MODES[0], value_parser = MODES)]
    mode: String,
    /// Delete the data of an earlier run in the folder first.
    #[arg(long)]
    fresh: bool,
    #[command(subcommand)]
    order: Option<OrderArgument>,
}

#[derive(Debug, Subcommand)]
enum OrderArgument {
    /// Kill a region's process, as `kill -9` does
    #[command(after_help = "Example:\n  signalbox dev kill us-east-1")]
    Kill {
        /// Region name, such as us-east-1.
        region: String,
    },
    /// Start a region's process
    #[command(after_help = "Example:\n  signalbox dev start us-east-1")]
    Start {
        /// Region name, such as us-east-1.
        region: String,
    },
    /// Stop a region's process gracefully, as SIGTERM does
    #[command(after_help = "Example:\n  signalbox dev stop us-east-1")]
    Stop {
        /// Region name, such as us-east-1.
        region: String,
    },
    /// Show which regions run
    #[command(after_help = "Example:\n  signalbox dev status")]
    Status,
}

impl Dev {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let folder = match self.folder {
            Some(folder) => std::path::absolute(&folder).with_context(|| format!("no folder: {}", folder.display()))?,
            None => dev::default_folder(|name| std::env::var_os(name).map(PathBuf::from), self.base_port)?,
        };
        let layout = Layout { base_port: self.base_port, folder, mode: self.mode };
        match self.order {
            Some(order) => {
                let answer = dev::ask(&layout.socket(), &Order::from(order)).await?;
                context.console.write(&answer)
            }
            None => {
                if self.fresh {
                    wipe(&layout).await?;
                }
                Ok(dev::run(layout).await?)
            }
        }
    }
}

impl From<OrderArgument> for Order {
    fn from(order: OrderArgument) -> Order {
        match order {
            OrderArgument::Kill { region } => Order::Kill(region),
            OrderArgument::Start { region } => Order::Start(region),
            OrderArgument::Stop { region } => Order::Stop(region),
            OrderArgument::Status => Order::Status,
        }
    }
}

/// Deletes what an earlier run left, and nothing else that is in the folder.
async fn wipe(layout: &Layout) -> Result<(), Failure> {
    if UnixStream::connect(layout.socket()).await.is_ok() {
        let folder = layout.folder.display();
        return Err(anyhow::anyhow!("a development cluster runs in {folder}; stop it before --fresh").into());
    }
    absent_is_fine(std::fs::remove_dir_all(layout.tls()), &layout.tls())?;
    for (index, region) in REGIONS.iter().enumerate() {
        let data = layout.folder.join(region);
        absent_is_fine(std::fs::remove_dir_all(&data), &data)?;
        for file in [layout.log(index), layout.config(index)] {
            absent_is_fine(std::fs::remove_file(&file), &file)?;
        }
    }
    Ok(())
}

fn absent_is_fine(deleted: std::io::Result<()>, path: &Path) -> anyhow::Result<()> {
    match deleted {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("failed to delete {}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn fresh_deletes_the_cluster_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout { base_port: 4100, folder: folder.path().to_owned(), mode: MODES[0].to_owned() };
        std::fs::create_dir(folder.path().join(REGIONS[0])).unwrap();
        std::fs::write(layout.log(1), "x").unwrap();
        std::fs::write(folder.path().join("mine.txt"), "x").unwrap();
        wipe(&layout).await.unwrap();
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["mine.txt"]);
    }
}
