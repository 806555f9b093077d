//! `signalbox endpoint`: an app's endpoints.

use clap::{Args, Subcommand, ValueEnum};
use wire::v1;

use super::arguments::{self, parse_list, parse_metric};
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{EndpointView, promised};

const EXAMPLES: &str = "\
Examples:
  signalbox endpoint put --app $APP jo --channel SMS --address +12065550100 --user u-7
  signalbox endpoint put --app $APP jo --opt-out all
  signalbox endpoint get --app $APP jo --linearizable
  signalbox endpoint delete --app $APP jo";

const PUT_EXAMPLES: &str = "\
Examples:
  signalbox endpoint put --app $APP jo --channel SMS --address +12065550100 --user u-7
  signalbox endpoint put --app $APP jo --attribute 'plan=gold' --attribute 'interests=chess|rowing'
  signalbox endpoint put --app $APP jo --opt-out all";

/// Creates or updates, shows and deletes an app's endpoints.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Endpoint {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create an endpoint or merge a change into it
    #[command(after_help = PUT_EXAMPLES)]
    Put(Box<Put>),
    /// Show an endpoint
    #[command(after_help = "Example:\n  signalbox endpoint get --app $APP jo --linearizable")]
    Get {
        #[command(flatten)]
        which: Which,
        /// Include every write acknowledged in any region, not only those acknowledged in the asked one.
        #[arg(long)]
        linearizable: bool,
    },
    /// Delete an endpoint; once this returns, no region begins a dispatch to it
    #[command(after_help = "Example:\n  signalbox endpoint delete --app $APP jo")]
    Delete(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// The app's id.
    #[arg(long, value_name = "ID")]
    app: String,
    /// The endpoint's id; ignores case.
    endpoint: String,
}

#[derive(Debug, Args)]
struct Put {
    #[command(flatten)]
    which: Which,
    /// Channel of the address.
    #[arg(long, ignore_case = true, value_parser = arguments::channel())]
    channel: Option<v1::Channel>,
    /// Telephone number, mailbox, device token or webhook URL.
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
    /// Attribute with all its values, removed when none is given; repeatable.
    #[arg(long = "attribute", value_name = "NAME=VALUE|...", value_parser = parse_list)]
    attributes: Vec<(String, v1::Values)>,
    /// Metric; repeatable.
    #[arg(long = "metric", value_name = "NAME=NUMBER", value_parser = parse_metric)]
    metrics: Vec<(String, f64)>,
    /// User that the endpoint belongs to.
    #[arg(long, value_name = "ID", conflicts_with = "no_user")]
    user: Option<String>,
    /// Unlink the endpoint from its user.
    #[arg(long)]
    no_user: bool,
    /// Attribute of its user, as --attribute; repeatable.
    #[arg(long = "user-attribute", value_name = "NAME=VALUE|...", value_parser = parse_list)]
    user_attributes: Vec<(String, v1::Values)>,
    /// Whether the endpoint receives messages; a change without this makes it active.
    #[arg(long, value_enum)]
    status: Option<Status>,
    /// What the recipient opted out of.
    #[arg(long, value_enum)]
    opt_out: Option<OptOut>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// Receives messages.
    Active,
    /// Receives none.
    Inactive,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OptOut {
    /// Nothing.
    None,
    /// All messages to this address on its channel.
    All,
}

impl Endpoint {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let connection = context.connect().await?;
        let mut endpoints = connection.endpoints();
        let (endpoint, user_attributes) = match self.action {
            Action::Put(put) => {
                (connection.answer(endpoints.put(put.into_request())).await?.endpoint, Default::default())
            }
            Action::Get { which, linearizable } => {
                let request = v1::GetEndpointRequest { app_id: which.app, endpoint_id: which.endpoint, linearizable };
                let response = connection.answer(endpoints.get(request)).await?;
                (response.endpoint, response.user_attributes)
            }
            Action::Delete(which) => {
                let request = v1::DeleteEndpointRequest { app_id: which.app, endpoint_id: which.endpoint };
                let response = connection.answer(endpoints.delete(request)).await?;
                (response.endpoint, response.user_attributes)
            }
        };
        context.console.show(&EndpointView::new(promised(endpoint, "endpoint")?, user_attributes))
    }
}

impl Put {
    fn into_request(self) -> v1::PutEndpointRequest {
        use v1::endpoint_patch::User;
        let status = match self.status {
            None => v1::EndpointStatus::Unspecified,
            Some(Status::Active) => v1::EndpointStatus::Active,
            Some(Status::Inactive) => v1::EndpointStatus::Inactive,
        };
        let opt_out = match self.opt_out {
            None => v1::EndpointOptOut::Unspecified,
            Some(OptOut::None) => v1::EndpointOptOut::None,
            Some(OptOut::All) => v1::EndpointOptOut::All,
        };
        let patch = v1::EndpointPatch {
            channel: self.channel.unwrap_or_default() as i32,
            address: self.address,
            attributes: self.attributes.into_iter().collect(),
            metrics: self.metrics.into_iter().collect(),
            status: status as i32,
            opt_out: opt_out as i32,
            user: self.user.map(User::UserId).or(self.no_user.then_some(User::NoUser(true))),
            user_attributes: self.user_attributes.into_iter().collect(),
            ..v1::EndpointPatch::default()
        };
        v1::PutEndpointRequest {
            app_id: self.which.app,
            endpoint_id: self.which.endpoint,
            patch: Some(patch),
            request_id: String::new(),
        }
    }
}
