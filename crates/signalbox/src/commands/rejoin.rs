//! `signalbox cluster rejoin`: the way back of a node whose disk can't be trusted any more.
//!
//! What must always hold: the node's replicas have no vote while they lack what they acknowledged, and no data is
//! deleted: the folder is set aside.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use model::cluster::NodeInfo;
use node::config::Config;
use rustix::fs::{FlockOperation, fcntl_lock};
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::time::Instant;
use tonic::Code;
use wire::v1;

use super::serve;
use crate::connection::Connection;
use crate::context::Context;
use crate::durations::parse_duration;
use crate::failure::Failure;

const EXAMPLES: &str = "\
Run it on the stopped node's machine. It (1) removes the node's replicas from all groups, which needs a healthy majority \
of the others; (2) sets the data folder aside; (3) waits until the node was started, adds it as a learner, and makes it a \
voter once it has caught up. It may be repeated at any point. Without a healthy majority nothing is changed: start the \
stopped nodes, or put the data folders of a majority back from a backup.

Examples:
  signalbox cluster rejoin --config /etc/signalbox/node.toml --dry-run
  signalbox cluster rejoin --config /etc/signalbox/node.toml";

/// How often the node is looked for that is to be started.
const LOOK: Duration = Duration::from_secs(1);

/// Brings a node with a damaged data folder back.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Rejoin {
    /// Configuration file of the node.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Override a configuration key of the file and the environment; repeatable.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// How long to wait for the node to be started, such as 30m.
    #[arg(long, value_name = "TIME", default_value = "30m", value_parser = parse_duration)]
    wait: Duration,
}

impl Rejoin {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let config = serve::load(&self.config, &self.settings)?;
        let nodes = node::cluster_nodes(&config).await?;
        let own = nodes.get(&config.node).cloned().context("the configuration doesn't list this node")?;
        stopped(&config.data)?;
        let connection = context.connect().await?;
        let aside = aside(&config.data)?;
        if self.dry_run {
            return context.console.say(&format!(
                "would remove node {} from all groups, move {} to {}, wait for the node, add and promote it",
                own.id,
                config.data.display(),
                aside.display(),
            ));
        }
        remove(context, &connection, &own).await?;
        set_aside(context, &config, &aside)?;
        context.console.say(&format!("start node {} now, for example with `systemctl start signalbox`", own.id))?;
        add(context, &connection, &own, Instant::now() + self.wait).await?;
        let promote = v1::PromoteNodeRequest { node_id: own.id.0 };
        connection.answer(connection.cluster().promote_node(promote)).await?;
        context.console.say(&format!("node {} has caught up and votes again", own.id))
    }
}

/// Refuses while a process has the data open, or when that can't be found out.
fn stopped(data: &Path) -> Result<(), Failure> {
    let lock = data.join("log").join("LOCK");
    let file = match File::options().write(true).open(&lock) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(anyhow::anyhow!("failed to open {}: {error}", lock.display()).into()),
    };
    match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(()),
        Err(_) => Err(anyhow::anyhow!("{} is in use: stop the node first", data.display()).into()),
    }
}

async fn remove(context: &mut Context<'_>, connection: &Connection, own: &NodeInfo) -> Result<(), Failure> {
    let request = v1::RemoveNodeRequest { node_id: own.id.0 };
    match connection.cluster().remove_node(request).await {
        Ok(_) => context.console.say(&format!("node {} removed from all groups", own.id)),
        // An earlier try got this far.
        Err(status) if status.code() == Code::NotFound => {
            context.console.say(&format!("node {} is a member of no group", own.id))
        }
        Err(status) => {
            let failure = connection.failure(&status);
            let restore = "nothing of this node was changed; it takes a healthy majority of the others: start the stopped \
                           nodes, or put the data folders of a majority back from a backup, then repeat";
            Err(Failure::Unfinished(format!("{failure}; {restore}")))
        }
    }
}

/// Names the place where the data is moved to.
fn aside(data: &Path) -> Result<PathBuf, Failure> {
    let now = OffsetDateTime::now_utc()
        .format(format_description!("[year][month][day]T[hour][minute][second]Z"))
        .context("failed to write the time")?;
    let name = data.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(data.with_file_name(format!("{name}.damaged-{now}")))
}

fn set_aside(context: &mut Context<'_>, config: &Config, aside: &Path) -> Result<(), Failure> {
    if !config.data.exists() {
        return context.console.say("there is no data folder");
    }
    std::fs::rename(&config.data, aside).with_context(|| format!("failed to move {}", config.data.display()))?;
    context.console.say(&format!("data set aside in {}; delete it when it is not needed any more", aside.display()))
}

/// Adds the node once it answers.
async fn add(context: &mut Context<'_>, connection: &Connection, own: &NodeInfo, due: Instant) -> Result<(), Failure> {
    let mut said = String::new();
    loop {
        let request = v1::AddNodeRequest { node: Some(own.clone().into()) };
        let status = match connection.cluster().add_node(request).await {
            Ok(_) => return context.console.say(&format!("node {} added as a learner; it has caught up", own.id)),
            Err(status) => status,
        };
        if !matches!(status.code(), Code::FailedPrecondition | Code::Unavailable) || Instant::now() >= due {
            return Err(connection.failure(&status));
        }
        if status.message() != said {
            said = status.message().to_owned();
            context.console.say(&format!("waiting: {said}"))?;
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_set_aside_next_to_where_it_was() {
        let moved = aside(Path::new("/var/lib/signalbox/data")).unwrap();
        assert_eq!(moved.parent(), Some(Path::new("/var/lib/signalbox")));
        assert!(moved.file_name().unwrap().to_string_lossy().starts_with("data.damaged-2"));
    }

    #[test]
    fn a_folder_that_nobody_uses_or_that_is_not_there_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("log/LOCK");
        assert!(stopped(folder.path()).is_ok());
        std::fs::create_dir(folder.path().join("log")).unwrap();
        std::fs::write(&lock, "").unwrap();
        assert!(stopped(folder.path()).is_ok());
        std::fs::remove_file(&lock).unwrap();
        std::fs::create_dir(&lock).unwrap();
        assert!(stopped(folder.path()).is_err(), "whether it is in use can't be found out");
    }
}
