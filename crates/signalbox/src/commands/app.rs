//! `signalbox app`: apps.

use clap::{Args, Subcommand};
use wire::v1;

use super::arguments::parse_pair;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{AppView, promised};

const EXAMPLES: &str = "\
Examples:
  signalbox app create shop --tag team=growth
  signalbox app get 6f1c0d3e5b7a49288c1f0a2b4d6e8f01 --output json
  signalbox app delete 6f1c0d3e5b7a49288c1f0a2b4d6e8f01";

/// Creates, shows and deletes apps.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct App {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an app
    #[command(after_help = "Example:\n  signalbox app create shop --tag team=growth")]
    Create {
        /// Name; 1 to 64 characters, not necessarily unique.
        name: String,
        /// A tag; repeatable.
        #[arg(long = "tag", value_name = "NAME=VALUE", value_parser = parse_pair)]
        tags: Vec<(String, String)>,
    },
    /// Show an app
    #[command(after_help = "Example:\n  signalbox app get 6f1c0d3e5b7a49288c1f0a2b4d6e8f01")]
    Get {
        /// The app's id.
        app_id: String,
    },
    /// Delete an app; once this returns, no region sends for it any more
    #[command(after_help = "Example:\n  signalbox app delete 6f1c0d3e5b7a49288c1f0a2b4d6e8f01")]
    Delete {
        /// The app's id.
        app_id: String,
    },
}

impl App {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let mut apps = connection.apps();
        let app = match self.action {
            Action::Create { name, tags } => {
                let request = v1::CreateAppRequest { name, tags: tags.into_iter().collect() };
                connection.answer(apps.create(request)).await?.app
            }
            Action::Get { app_id } => connection.answer(apps.get(v1::GetAppRequest { app_id })).await?.app,
            Action::Delete { app_id } => connection.answer(apps.delete(v1::DeleteAppRequest { app_id })).await?.app,
        };
        context.console.show(&AppView::from(promised(app, "app")?))
    }
}
