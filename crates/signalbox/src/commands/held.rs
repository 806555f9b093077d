//! `signalbox held`: messages that were claimed, and nobody knows whether they were dispatched.

use clap::{Args, Subcommand, ValueEnum};
use wire::v1;

use crate::context::Context;
use crate::failure::Failure;
use crate::views::{HeldView, ResolvedView};

const EXAMPLES: &str = "\
A message of class at_most_once is held when the node that claimed it was lost before it recorded a result. \
While it is listed with that node, it goes on by itself when the node comes back and knows that it never left. \
Otherwise ask the provider, then resolve it: resending may deliver it twice.

Examples:
  signalbox held list --app $APP
  signalbox held resolve --as delivered 0001...
  signalbox held resolve --as give_up 0001... 0002...";

/// Decides about messages of which nobody knows whether they were dispatched.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Held {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List an app's held messages; at most 1,000
    #[command(after_help = "Example:\n  signalbox held list --app $APP")]
    List {
        /// The app's id.
        #[arg(long, value_name = "ID")]
        app: String,
    },
    /// Resolve held messages
    #[command(after_help = "Example:\n  signalbox held resolve --as give_up 0001... 0002...")]
    Resolve {
        /// Message ids, 1 to 1,000; messages that are not held stay as they are.
        #[arg(value_name = "MESSAGE", required = true, num_args = 1..=1_000)]
        messages: Vec<String>,
        /// Resolution.
        #[arg(long = "as", value_enum)]
        resolution: Resolution,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Resolution {
    /// Dispatch them again: a new attempt with a new claim.
    Resend,
    /// Count them as failed.
    #[value(name = "give_up", alias = "give-up")]
    GiveUp,
    /// Count them as delivered: the provider says that it took them.
    Delivered,
}

impl Held {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let mut client = connection.messages();
        match self.action {
            Action::List { app } => {
                let response = connection.answer(client.list_held(v1::ListHeldRequest { app_id: app })).await?;
                context.console.show(&HeldView::from(response))
            }
            Action::Resolve { messages, resolution } => {
                let named = messages.len();
                let request = v1::ResolveHeldRequest { message_ids: messages, resolution: resolution.code() as i32 };
                let changed = connection.answer(client.resolve_held(request)).await?.changed;
                context.console.show(&ResolvedView { changed, named })
            }
        }
    }
}

impl Resolution {
    fn code(self) -> v1::Resolution {
        match self {
            Resolution::Resend => v1::Resolution::Resend,
            Resolution::GiveUp => v1::Resolution::GiveUp,
            Resolution::Delivered => v1::Resolution::Delivered,
        }
    }
}
