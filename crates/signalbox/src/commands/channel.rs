//! `signalbox channel`: an app's channels, also those that Pinpoint has no operation for.

use clap::{Args, Subcommand};
use wire::v1;

use super::arguments::{AppChannel, Class, class_code};
use crate::connection::Connection;
use crate::context::Context;
use crate::failure::Failure;
use crate::views::{ChannelView, promised};

const EXAMPLES: &str = "\
Examples:
  signalbox channel put --app $APP --channel SMS --sender-id SHOP
  signalbox channel put --app $APP --channel EMAIL --from-address a@example.com --identity arn:...
  signalbox channel put --app $APP --channel CUSTOM --class at_most_once
  signalbox channel put --app $APP --channel SMS --enabled false
  signalbox channel get --app $APP --channel SMS";

const PUT_EXAMPLES: &str = "\
Examples:
  signalbox channel put --app $APP --channel SMS --sender-id SHOP
  signalbox channel put --app $APP --channel CUSTOM --class at_most_once
  signalbox channel put --app $APP --channel SMS --enabled false";

/// Configures an app's channels.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Channel {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Configure or change a channel; once this returns, no region sends with the earlier settings
    #[command(after_help = PUT_EXAMPLES)]
    Put(Box<Put>),
    /// Show a channel
    #[command(after_help = "Example:\n  signalbox channel get --app $APP --channel SMS")]
    Get(AppChannel),
    /// Remove a channel; once this returns, no region sends through it
    #[command(after_help = "Example:\n  signalbox channel delete --app $APP --channel SMS")]
    Delete(AppChannel),
}

#[derive(Debug, Args)]
struct Put {
    #[command(flatten)]
    which: AppChannel,
    /// Whether messages may be sent through it [default: unchanged, true for a new channel].
    #[arg(long, value_name = "true|false")]
    enabled: Option<bool>,
    /// Class of messages that name none [default: by their purpose].
    #[arg(long, value_enum)]
    class: Option<Class>,
    /// From mailbox of messages that name none.
    #[arg(long, value_name = "MAILBOX", help_heading = "EMAIL")]
    from_address: Option<String>,
    /// ARN of the verified identity, stored as given.
    #[arg(long, value_name = "ARN", help_heading = "EMAIL")]
    identity: Option<String>,
    /// Configuration set, stored as given.
    #[arg(long, value_name = "NAME", help_heading = "EMAIL")]
    configuration_set: Option<String>,
    /// ARN of the role, stored as given.
    #[arg(long, value_name = "ARN", help_heading = "EMAIL")]
    role_arn: Option<String>,
    /// Sender id of messages that name none.
    #[arg(long, value_name = "TEXT", help_heading = "SMS")]
    sender_id: Option<String>,
    /// Short code, stored as given.
    #[arg(long, value_name = "CODE", help_heading = "SMS")]
    short_code: Option<String>,
    /// Country of the app's telephone numbers that don't name theirs, such as US.
    #[arg(long, value_name = "CODE", help_heading = "SMS")]
    default_country: Option<String>,
}

impl Channel {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let settings = match self.action {
            Action::Put(put) => {
                let request = put.into_request()?;
                let connection = context.connect().await?;
                connection.answer(connection.apps().put_channel(request)).await?.settings
            }
            Action::Get(which) => get(&context.connect().await?, which).await?,
            Action::Delete(which) => delete(&context.connect().await?, which).await?,
        };
        context.console.show(&ChannelView::from(promised(settings, "settings")?))
    }
}

async fn get(connection: &Connection, which: AppChannel) -> Result<Option<v1::ChannelSettings>, Failure> {
    let request = v1::GetChannelRequest { app_id: which.app, channel: which.channel as i32 };
    Ok(connection.answer(connection.apps().get_channel(request)).await?.settings)
}

async fn delete(connection: &Connection, which: AppChannel) -> Result<Option<v1::ChannelSettings>, Failure> {
    let request = v1::DeleteChannelRequest { app_id: which.app, channel: which.channel as i32 };
    Ok(connection.answer(connection.apps().delete_channel(request)).await?.settings)
}

impl Put {
    fn into_request(self) -> Result<v1::PutChannelRequest, Failure> {
        use v1::put_channel_request::Detail;
        let of_email = [&self.from_address, &self.identity, &self.configuration_set, &self.role_arn];
        let of_sms = [&self.sender_id, &self.short_code, &self.default_country];
        let (email_given, sms_given) = (of_email.iter().any(|o| o.is_some()), of_sms.iter().any(|o| o.is_some()));
        let wrong = |text: &str| Err(Failure::Usage(text.to_owned()));
        let detail = match self.which.channel {
            v1::Channel::Email if sms_given => {
                return wrong("--sender-id, --short-code and --default-country are for SMS");
            }
            v1::Channel::Email => {
                let (Some(from_address), Some(identity)) = (self.from_address, self.identity) else {
                    return wrong("EMAIL needs --from-address and --identity");
                };
                let (configuration_set, role_arn) = (self.configuration_set, self.role_arn);
                Detail::Email(v1::EmailChannel { from_address, identity, configuration_set, role_arn })
            }
            _ if email_given => {
                return wrong("--from-address, --identity, --configuration-set and --role-arn are for EMAIL");
            }
            v1::Channel::Sms => Detail::Sms(v1::SmsChannel {
                sender_id: self.sender_id,
                short_code: self.short_code,
                default_country: self.default_country,
            }),
            _ if sms_given => return wrong("--sender-id, --short-code and --default-country are for SMS"),
            v1::Channel::Custom => Detail::Custom(v1::CustomChannel {}),
            _ => return wrong("only EMAIL, SMS and CUSTOM can be configured"),
        };
        Ok(v1::PutChannelRequest {
            app_id: self.which.app,
            detail: Some(detail),
            enabled: self.enabled,
            class: class_code(self.class),
        })
    }
}
