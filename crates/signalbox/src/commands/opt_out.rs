//! `signalbox opt-out`: recipients who want no messages of an app on a channel, and numbers in opt-out lists.

use clap::{Args, Subcommand};
use wire::v1;

use super::arguments;
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{OptOutView, OptOutsView, RemovedOptOutView, promised};

const EXAMPLES: &str = "\
Examples:
  signalbox opt-out put --app $APP --channel SMS +12065550100
  signalbox opt-out get --app $APP --channel EMAIL jo@example.com
  signalbox opt-out list --app $APP --output json
  signalbox opt-out delete --app $APP --channel SMS +12065550100
  signalbox opt-out delete --list Default --channel SMS +12065550100";

const LIST_EXAMPLES: &str = "\
Examples:
  signalbox opt-out list --app $APP --output json
  signalbox opt-out list --app $APP --channel SMS +12065550100
  signalbox opt-out list --list Default";

/// Records, shows and removes opt-outs.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct OptOut {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Record an opt-out; once this returns, no region begins a dispatch to the recipient
    #[command(after_help = "Example:\n  signalbox opt-out put --app $APP --channel SMS +12065550100")]
    Put(Recipient),
    /// Show an opt-out
    #[command(after_help = "Example:\n  signalbox opt-out get --app $APP --channel EMAIL jo@example.com")]
    Get(Recipient),
    /// Remove an opt-out
    #[command(after_help = "Example:\n  signalbox opt-out delete --app $APP --channel SMS +12065550100")]
    Delete(Recipient),
    /// List the opt-outs of an app or a list, or those of one recipient
    #[command(after_help = LIST_EXAMPLES)]
    List(List),
}

/// For whom an opt-out stands.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Scope {
    /// The app's id.
    #[arg(long, value_name = "ID")]
    app: Option<String>,
    /// An opt-out list, which holds for every app: Default.
    #[arg(long, value_name = "NAME")]
    list: Option<String>,
}

#[derive(Debug, Args)]
struct Recipient {
    #[command(flatten)]
    scope: Scope,
    /// The channel.
    #[arg(long, ignore_case = true, value_parser = arguments::channel())]
    channel: v1::Channel,
    /// The recipient's address on the channel, in any spelling.
    address: String,
}

#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    scope: Scope,
    /// Channel of the address.
    #[arg(long, requires = "address", ignore_case = true, value_parser = arguments::channel())]
    channel: Option<v1::Channel>,
    /// List only the opt-outs of this recipient.
    #[arg(requires = "channel")]
    address: Option<String>,
    /// Largest number of opt-outs listed.
    #[arg(long, value_name = "COUNT", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

impl OptOut {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let mut opt_outs = connection.opt_outs();
        let opt_out = match self.action {
            Action::Put(Recipient { scope, channel, address }) => {
                let (source, channel) = (v1::OptOutSource::Request as i32, channel as i32);
                let (app_id, opt_out_list) = scope.names();
                let request = v1::PutOptOutRequest { app_id, channel, address, source, opt_out_list };
                connection.answer(opt_outs.put(request)).await?.opt_out
            }
            Action::Get(Recipient { scope, channel, address }) => {
                let (app_id, opt_out_list) = scope.names();
                let request = v1::GetOptOutRequest { app_id, channel: channel as i32, address, opt_out_list };
                connection.answer(opt_outs.get(request)).await?.opt_out
            }
            Action::Delete(Recipient { scope, channel, address }) => {
                let (app_id, opt_out_list) = scope.names();
                let request = v1::DeleteOptOutRequest { app_id, channel: channel as i32, address, opt_out_list };
                let recipient_key = connection.answer(opt_outs.delete(request)).await?.recipient_key;
                return context.console.show(&RemovedOptOutView { recipient_key });
            }
            Action::List(list) => return show_list(context, &connection, list).await,
        };
        context.console.show(&OptOutView::from(promised(opt_out, "opt-out")?))
    }
}

impl Scope {
    /// Returns the app's id and the list's name; one of them is empty.
    fn names(self) -> (String, String) {
        (self.app.unwrap_or_default(), self.list.unwrap_or_default())
    }
}

async fn show_list(context: &mut Context<'_>, connection: &Connection, list: List) -> Result<(), Failure> {
    let limit = list.limit as usize;
    let mut client = connection.opt_outs();
    let (app_id, opt_out_list) = list.scope.names();
    let mut found: Vec<v1::OptOut> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListOptOutsRequest {
            app_id: app_id.clone(),
            opt_out_list: opt_out_list.clone(),
            address: list.address.clone(),
            channel: list.channel.unwrap_or_default() as i32,
            page_token,
        };
        let page = connection.answer(client.list(request)).await?;
        found.extend(page.opt_outs);
        page_token = page.next_page_token;
        if page_token.is_empty() || found.len() >= limit {
            break;
        }
    }
    let more = !page_token.is_empty() || found.len() > limit;
    found.truncate(limit);
    context.console.show(&OptOutsView::from(found))?;
    if more {
        context.console.say(&format!("\nmore than {limit} opt-outs: list them with a larger --limit"))
    } else {
        Ok(())
    }
}
