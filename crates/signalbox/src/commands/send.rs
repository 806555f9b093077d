//! `signalbox send`: messages to addresses or endpoints.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgGroup, Args, ValueEnum};
use wire::v1;

use super::arguments::{Class, class_code, parse_list, parse_pair};
use super::following::follow;
use crate::context::Context;
use crate::durations::parse_any_duration;
use crate::failure::Failure;
use crate::views::SendView;

/// The largest number of recipients of a request.
const RECIPIENTS_MAX: usize = 100;

const EXAMPLES: &str = "\
Variables in a text are written {{Name}}.

Examples:
  signalbox send --app $APP --channel SMS --to +12065550100 --text 'Hello' --watch
  signalbox send --app $APP --channel SMS --to +12065550100 --to +12065550101 --text 'Half price' \\
    --purpose promotional --class at_most_once
  signalbox send --app $APP --channel EMAIL --to jo@example.com --subject 'Hi {{Name}}' \\
    --text 'Hello' --substitute Name=Jo
  signalbox send --app $APP --channel SMS --to-endpoint jo --text 'Hello'
  signalbox send --app $APP --channel CUSTOM --to https://example.com/hook --data '{\"a\":1}'

Exit code 1 if a recipient got no message, or with --watch if a message was not delivered.";

/// Sends messages, one to each recipient.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("recipients").required(true).multiple(true).args(["to", "to_endpoint"]))]
pub struct Send {
    /// The app's id.
    #[arg(long, value_name = "ID")]
    app: String,
    /// The channel.
    #[arg(long, value_enum, ignore_case = true)]
    channel: Through,
    /// Address on the channel; repeatable, at most 100 recipients.
    #[arg(long, value_name = "ADDRESS")]
    to: Vec<String>,
    /// Endpoint of the app; repeatable.
    #[arg(long, value_name = "ID")]
    to_endpoint: Vec<String>,
    /// SMS, EMAIL: text of the message.
    #[arg(long)]
    text: Option<String>,
    /// SMS: purpose of the message.
    #[arg(long, value_enum, default_value_t = Purpose::Transactional)]
    purpose: Purpose,
    /// SMS: number to send from [default: the provider's choice].
    #[arg(long, value_name = "NUMBER")]
    origination_number: Option<String>,
    /// SMS: sender id to send from [default: the channel's].
    #[arg(long, value_name = "TEXT")]
    sender_id: Option<String>,
    /// EMAIL: subject.
    #[arg(long, value_name = "TEXT")]
    subject: Option<String>,
    /// EMAIL: HTML body.
    #[arg(long, value_name = "TEXT")]
    html: Option<String>,
    /// EMAIL: From mailbox [default: the channel's].
    #[arg(long, value_name = "MAILBOX")]
    from: Option<String>,
    /// EMAIL: Reply-To mailbox; repeatable.
    #[arg(long, value_name = "MAILBOX")]
    reply_to: Vec<String>,
    /// EMAIL: file with a complete email in the format of RFC 5322, instead of subject and text.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["subject", "text", "html", "reply_to"])]
    raw: Option<PathBuf>,
    /// CUSTOM: document to post.
    #[arg(long, value_name = "TEXT")]
    data: Option<String>,
    /// How often a message may be dispatched [default: the channel's class].
    #[arg(long, value_enum)]
    class: Option<Class>,
    /// Time after which messages that were not dispatched expire, such as 10m.
    #[arg(long, value_name = "TIME", value_parser = parse_any_duration)]
    time_to_live: Option<Duration>,
    /// Values of a variable; repeatable.
    #[arg(long, value_name = "NAME=VALUE|...", value_parser = parse_list)]
    substitute: Vec<(String, v1::Values)>,
    /// Context for the events of the messages; repeatable.
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_pair)]
    context: Vec<(String, String)>,
    /// Request id: a repetition within 15 minutes gets the first answer.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Follow the messages until all are settled.
    #[arg(long)]
    watch: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Through {
    /// Text messages.
    #[value(name = "SMS")]
    Sms,
    /// Emails.
    #[value(name = "EMAIL")]
    Email,
    /// Documents for a webhook.
    #[value(name = "CUSTOM")]
    Custom,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Purpose {
    /// Concerns something that the recipient did.
    Transactional,
    /// Makes an offer.
    Promotional,
}

impl Send {
    pub async fn run(self, context: &mut Context<'_>) -> Result<(), Failure> {
        let watch = self.watch;
        let request = self.into_request()?;
        let connection = context.connect().await?;
        let view = SendView::from(connection.answer(connection.messages().send(request)).await?);
        let undelivered = if watch {
            context.console.show_one(&view)?;
            follow(&connection, &mut context.console, view.message_ids()).await?
        } else {
            context.console.show(&view)?;
            0
        };
        match (view.refused(), undelivered) {
            (0, 0) => Ok(()),
            (0, count) => Err(Failure::Unfinished(format!("messages that were not delivered: {count}"))),
            (count, _) => {
                Err(Failure::Unfinished(format!("recipients that got no message: {count}; the answer says why")))
            }
        }
    }

    fn into_request(mut self) -> Result<v1::SendMessagesRequest, Failure> {
        let recipients = self.recipients();
        if recipients.len() > RECIPIENTS_MAX {
            return Err(usage("a request has at most 100 recipients: split it"));
        }
        let content = v1::Content { content: Some(self.content()?) };
        Ok(v1::SendMessagesRequest {
            app_id: self.app,
            recipients,
            content: Some(content),
            substitutions: self.substitute.into_iter().collect(),
            class: class_code(self.class),
            time_to_live_ms: self.time_to_live.and_then(|time| u64::try_from(time.as_millis()).ok()),
            context: self.context.into_iter().collect(),
            request_id: self.request_id.unwrap_or_default(),
            trace_id: None,
        })
    }

    fn recipients(&mut self) -> Vec<v1::Recipient> {
        use v1::recipient::To;
        let addresses = std::mem::take(&mut self.to).into_iter().map(To::Address);
        let endpoints = std::mem::take(&mut self.to_endpoint).into_iter().map(To::EndpointId);
        let recipient = |to| v1::Recipient { to: Some(to), ..v1::Recipient::default() };
        addresses.chain(endpoints).map(recipient).collect()
    }

    fn content(&mut self) -> Result<v1::content::Content, Failure> {
        match self.channel {
            Through::Sms => self.sms(),
            Through::Email => self.email(),
            Through::Custom => {
                let data = self.data.take().ok_or_else(|| usage("CUSTOM needs --data"))?;
                Ok(v1::content::Content::Custom(v1::CustomContent { data }))
            }
        }
    }

    fn sms(&mut self) -> Result<v1::content::Content, Failure> {
        let text = self.text.take().ok_or_else(|| usage("SMS needs --text"))?;
        let purpose = match self.purpose {
            Purpose::Transactional => v1::Purpose::Transactional,
            Purpose::Promotional => v1::Purpose::Promotional,
        };
        Ok(v1::content::Content::Sms(v1::SmsContent {
            text,
            purpose: purpose as i32,
            origination_number: self.origination_number.take(),
            sender_id: self.sender_id.take(),
            ..v1::SmsContent::default()
        }))
    }

    fn email(&mut self) -> Result<v1::content::Content, Failure> {
        let from = self.from.take();
        if let Some(file) = &self.raw {
            let data = std::fs::read(file).with_context(|| format!("failed to read {}", file.display()))?;
            return Ok(v1::content::Content::RawEmail(v1::RawEmailContent { data: data.into(), from }));
        }
        if self.text.is_none() && self.html.is_none() {
            return Err(usage("EMAIL needs --text, --html or both, or --raw"));
        }
        Ok(v1::content::Content::Email(v1::EmailContent {
            subject: self.subject.take().ok_or_else(|| usage("EMAIL needs --subject"))?,
            html: self.html.take(),
            text: self.text.take(),
            from,
            reply_to: std::mem::take(&mut self.reply_to),
            ..v1::EmailContent::default()
        }))
    }
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}
