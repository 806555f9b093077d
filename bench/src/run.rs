//! From the arguments to what was found.

use std::path::PathBuf;

use signalbox::console::Console;
use signalbox::dev::{Layout, MODES, default_folder};

use crate::arguments::{Arguments, ClusterArguments, Command};
use crate::cluster::DevelopmentCluster;

/// Carries out what was typed.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    match arguments.command {
        Command::Send(wanted) => {
            let report = wanted.measurement.measure(&find(&wanted.cluster).await?).await?;
            Console::new(&mut out, wanted.cluster.output).show(&report)?;
        }
        Command::Endpoints(wanted) => {
            let report = wanted.measurement.measure(&find(&wanted.cluster).await?).await?;
            Console::new(&mut out, wanted.cluster.output).show(&report)?;
        }
        Command::Idle(wanted) => {
            let report = wanted.measurement.measure(&find(&wanted.cluster).await?).await?;
            Console::new(&mut out, wanted.cluster.output).show(&report)?;
        }
        Command::Failover(wanted) => {
            let mut console = Console::new(&mut out, wanted.cluster.output);
            let report = wanted.measurement.measure(&find(&wanted.cluster).await?, &mut console).await?;
            console.show(&report)?;
        }
        Command::All(all) => all.run().await?,
    }
    Ok(())
}

async fn find(arguments: &ClusterArguments) -> anyhow::Result<DevelopmentCluster> {
    let folder = match &arguments.folder {
        Some(folder) => std::path::absolute(folder)?,
        None => default_folder(|name| std::env::var_os(name).map(PathBuf::from), arguments.base_port)?,
    };
    let layout = Layout { base_port: arguments.base_port, folder, mode: MODES[0].to_owned() };
    DevelopmentCluster::find(layout, arguments.timeout).await
}
