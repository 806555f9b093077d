//! `signalbox message`: messages and what happened to them.

use clap::{ArgGroup, Args, Subcommand};
use wire::v1;
use wire::v1::watch_request::What;
use wire::v1::watch_response::Update;

use super::arguments::parse_place;
use super::following::follow;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{EventView, MessageView, promised};

const EXAMPLES: &str = "\
Examples:
  signalbox message get 0001...
  signalbox message watch 0001...
  signalbox message watch --app $APP --output json";

const WATCH_EXAMPLES: &str = "\
Examples:
  signalbox message watch 0001...                    exit code 1 if it isn't delivered
  signalbox message watch --app $APP --output json   one event per line
  signalbox message watch --app $APP --after 1=200 --after 2=113";

/// Shows and follows messages.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Message {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show a message with its status and events
    #[command(after_help = "Example:\n  signalbox message get 0001...")]
    Get {
        /// The message's id.
        message: String,
    },
    /// Follow a message until it is settled, or an app's events without end
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(Watch),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["message", "app"]))]
struct Watch {
    /// The message's id.
    message: Option<String>,
    /// App whose events are followed.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// Last event seen of a group; groups that are not named begin with their oldest event; repeatable.
    #[arg(long, value_name = "GROUP=SEQUENCE", value_parser = parse_place, conflicts_with = "message")]
    after: Vec<(u32, u64)>,
}

impl Message {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        match self.action {
            Action::Get { message } => get(context, message).await,
            Action::Watch(Watch { app: Some(app), after, .. }) => {
                watch_app(context, v1::WatchApp { app_id: app, after: after.into_iter().collect() }).await
            }
            Action::Watch(Watch { message, .. }) => watch_message(context, message.unwrap_or_default()).await,
        }
    }
}

async fn get(context: &mut Context<'_>, message_id: String) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let response = connection.answer(connection.messages().get(v1::GetMessageRequest { message_id })).await?;
    let message = promised(response.message, "message")?;
    let progress = promised(response.progress, "progress")?;
    context.console.show(&MessageView::new(message, progress, response.events))
}

async fn watch_message(context: &mut Context<'_>, message_id: String) -> Result<(), Failure> {
    let connection = context.connect().await?;
    match follow(&connection, &mut context.console, vec![message_id]).await? {
        0 => Ok(()),
        _ => Err(Failure::Unfinished("the message was not delivered".to_owned())),
    }
}

async fn watch_app(context: &mut Context<'_>, app: v1::WatchApp) -> Result<(), Failure> {
    let connection = context.connect().await?;
    let request = v1::WatchRequest { what: Some(What::App(app)) };
    let mut answers = connection.answer(connection.messages_without_end().watch(request)).await?;
    while let Some(answer) = answers.message().await.map_err(|status| connection.failure(&status))? {
        if let Some(Update::Event(v1::EventRecord { group, sequence, event: Some(event) })) = answer.update {
            context.console.show_one(&EventView::placed(event, group, sequence))?;
        }
    }
    Err(Failure::Unfinished(
        "the listener ended the event stream; resume with --after and the last event seen".to_owned(),
    ))
}
