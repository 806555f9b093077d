//! Apps and their channels. They live in the control group; every partition learns what it must know of them before a
//! change is acknowledged.

use std::collections::BTreeMap;

use model::app::{App, ChannelDetail, ChannelSettings};
use model::channel::Channel;
use model::command::Command;
use model::id::{AppId, GroupId};
use model::message::Class;
use model::outcome::{Outcome, Refusal};
use registry::tables::{Apps, Channels, ReadRows, View};

use super::{Service, unexpected};
use crate::addresses::Numbering;
use crate::error::ServiceError;

/// What an app is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct CreateApp {
    /// Its name, 1 to 64 characters.
    pub name: String,
    pub tags: BTreeMap<String, String>,
}

/// How a channel is configured: its detail as a whole. Whether and how often messages go through it is as it was unless
/// it is said, because a change that doesn't name it must not begin what was stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct PutChannel {
    pub app: AppId,
    pub channel: Channel,
    /// Whether it is enabled; as it was, or enabled when new, if not given.
    pub enabled: Option<bool>,
    /// The class of messages that name none; as it was if not given.
    pub class: Option<Class>,
    pub detail: ChannelDetail,
}

impl Service {
    /// Makes an app; when this answers, every region takes messages for it as soon as a channel is configured.
    ///
    /// # Errors
    /// `Invalid` when there are as many apps as allowed; the log's errors.
    pub async fn create_app(&self, request: CreateApp) -> Result<App, ServiceError> {
        let app = AppId(self.random.next_u128());
        self.change_app(Command::CreateApp { app, name: request.name, tags: request.tags }).await
    }

    /// Returns an app.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id.
    pub async fn get_app(&self, app: AppId) -> Result<App, ServiceError> {
        self.read(GroupId::CONTROL, |view| app_in(view, app)).await
    }

    /// Deletes an app. When this answers, no region begins to dispatch a message of it.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id; the log's errors.
    pub async fn delete_app(&self, app: AppId) -> Result<App, ServiceError> {
        self.change_app(Command::DeleteApp { app }).await
    }

    /// Configures a channel. When this answers, no region begins to dispatch what the change forbids.
    ///
    /// # Errors
    /// `NotFound` when there is no such app; the log's errors.
    pub async fn put_channel(&self, request: PutChannel) -> Result<ChannelSettings, ServiceError> {
        let PutChannel { app, channel, enabled, class, detail } = request;
        self.change_channel(Command::PutChannel { app, channel, enabled, class, detail }).await
    }

    /// Returns a channel.
    ///
    /// # Errors
    /// `NotFound` when there is no such app or the channel was never configured or was deleted.
    pub async fn get_channel(&self, app: AppId, channel: Channel) -> Result<ChannelSettings, ServiceError> {
        let look = |view: &dyn View| {
            app_in(view, app)?;
            ReadRows::<Channels>::get(view, &(app, channel))?.ok_or_else(|| Refusal::ChannelNotFound.into())
        };
        self.read(GroupId::CONTROL, look).await
    }

    /// Removes a channel. When this answers, no region begins to dispatch a message through it.
    ///
    /// # Errors
    /// `NotFound` when there is no such app or channel; the log's errors.
    pub async fn delete_channel(&self, app: AppId, channel: Channel) -> Result<ChannelSettings, ServiceError> {
        self.change_channel(Command::DeleteChannel { app, channel }).await
    }

    /// Returns how the telephone numbers of an app are read.
    pub(super) async fn numbering(&self, app: AppId) -> Result<Numbering, ServiceError> {
        self.read(GroupId::CONTROL, |view| numbering_in(view, app)).await
    }

    async fn change_app(&self, command: Command) -> Result<App, ServiceError> {
        match self.carried(command).await? {
            Outcome::App(app) => Ok(app),
            _ => Err(unexpected("something else than an app")),
        }
    }

    async fn change_channel(&self, command: Command) -> Result<ChannelSettings, ServiceError> {
        match self.carried(command).await? {
            Outcome::Channel(settings) => Ok(settings),
            _ => Err(unexpected("something else than a channel")),
        }
    }

    /// Proposes a change of the control group and waits until every partition acknowledged what follows from it.
    async fn carried(&self, command: Command) -> Result<Outcome, ServiceError> {
        match self.propose(GroupId::CONTROL, command).await? {
            Outcome::Carried { outcome, follow_ups } => {
                self.follow_ups_done(GroupId::CONTROL, &follow_ups).await?;
                Ok(*outcome)
            }
            other => Ok(other),
        }
    }
}

/// Returns how the telephone numbers of an app are read, which must exist.
pub(super) fn numbering_in(view: &dyn View, app: AppId) -> Result<Numbering, ServiceError> {
    app_in(view, app)?;
    numbering_of(view, app)
}

/// Returns how the telephone numbers of an app are read that is known to exist.
pub(super) fn numbering_of(view: &dyn View, app: AppId) -> Result<Numbering, ServiceError> {
    let sms = ReadRows::<Channels>::get(view, &(app, Channel::Sms))?.map(|settings| settings.detail);
    Ok(match sms {
        Some(ChannelDetail::Sms { default_country, .. }) => default_country.into(),
        _ => Numbering::Unknown,
    })
}

/// Returns an app that must exist.
pub(super) fn app_in(view: &dyn View, app: AppId) -> Result<App, ServiceError> {
    ReadRows::<Apps>::get(view, &app)?.ok_or_else(|| Refusal::AppNotFound.into())
}
