//! `signalbox check-config`: reads a node's configuration as `serve` would, and starts nothing.

use std::path::PathBuf;

use clap::Args;

use super::serve::{exposure, load};
use crate::context::Context;
use crate::failure::Failure;
use crate::views::ConfigView;

const EXAMPLES: &str = "\
Environment variables such as SIGNALBOX__LISTEN__REST apply too, as for `signalbox serve`.

Examples:
  signalbox check-config deploy/local/us-east-1.toml
  signalbox check-config /etc/signalbox/node.toml --set cluster.round_trip_ms=80";

/// Checks a node's configuration without starting the node, and shows what it means.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CheckConfig {
    /// Configuration file.
    file: PathBuf,
    /// Override a configuration key of the file and the environment; repeatable.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
}

impl CheckConfig {
    pub fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let config = load(&self.file, &self.settings)?;
        context.console.show(&ConfigView::from(&config))?;
        match exposure(&self.file, &config) {
            Some(warning) => context.console.say(&format!("warning: {warning}")),
            None => Ok(()),
        }
    }
}
