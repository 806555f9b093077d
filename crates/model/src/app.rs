//! Applications, their channels, and what a partition must know of them to send.

use std::collections::BTreeMap;

use crate::channel::Channel;
use crate::country::Country;
use crate::endpoint::FORMER_KEPT;
use crate::id::{AppId, Revision};
use crate::message::Class;
use crate::time::Timestamp;

/// The longest name of an app, in characters (Pinpoint API reference, CreateApp).
pub const APP_NAME_MAX: usize = 64;
/// The largest number of apps (Pinpoint's default quota a region).
pub const APPS_MAX: usize = 100;

/// The largest number of former countries that are known of an app.
pub const FORMER_COUNTRIES_MAX: usize = 8;

/// An application: Pinpoint's project.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct App {
    pub id: AppId,
    /// Its name; needs not be unique.
    pub name: String,
    /// Its tags; at most 50.
    pub tags: BTreeMap<String, String>,
    pub created: Timestamp,
    /// The version of the app with its channels.
    pub revision: Revision,
    /// The countries that its telephone numbers were read in lately, other than now; each once, the newest last.
    pub former_countries: Vec<FormerCountry>,
}

/// A country that an app's telephone numbers were read in, if they named none: what a request was answered then is
/// found by the numbers that it meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct FormerCountry {
    pub country: Country,
    pub left: Timestamp,
}

impl FormerCountry {
    /// Says whether a request that was answered then may still come again; see [`FORMER_KEPT`].
    pub fn counts(&self, now: Timestamp) -> bool {
        self.left.plus(FORMER_KEPT) > now
    }
}

/// What a channel needs beyond being enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub enum ChannelDetail {
    Email {
        /// The mailbox that messages come from when they name none.
        from_address: String,
        /// The ARN of the verified identity, as the caller gave it.
        identity: String,
        /// The configuration set, as the caller gave it.
        configuration_set: Option<String>,
        /// The role ARN, as the caller gave it.
        role_arn: Option<String>,
    },
    Sms {
        /// The sender id that messages carry when they name none.
        sender_id: Option<String>,
        /// The short code, as the caller gave it.
        short_code: Option<String>,
        /// The country of the app's telephone numbers that don't name theirs.
        default_country: Option<Country>,
    },
    /// CUSTOM: messages are posted to a URL.
    Custom,
}

/// A channel of an app.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct ChannelSettings {
    pub channel: Channel,
    /// Whether messages may be sent through it.
    pub enabled: bool,
    /// How often a message of the channel may be dispatched, unless the message says otherwise; nothing means that
    /// transactional messages go `at_least_once` and promotional ones `at_most_once`.
    pub class: Option<Class>,
    pub detail: ChannelDetail,
    /// When it was first configured.
    pub created: Timestamp,
    /// When it was last changed.
    pub modified: Timestamp,
    /// Its version; Pinpoint's `Version`.
    pub revision: Revision,
}

/// What every partition knows of an app's channel, carried there from the control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSendState {
    /// Whether messages may be accepted and sent.
    pub enabled: bool,
    /// The class of messages that name none; see [`ChannelSettings::class`].
    pub class: Option<Class>,
    /// What drivers need of the channel.
    pub detail: ChannelDetail,
}

/// What every partition knows of an app. A partition accepts and sends messages only of apps that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct AppSendState {
    pub app: AppId,
    /// Its channels that are configured.
    pub channels: BTreeMap<Channel, ChannelSendState>,
    /// The revision of the app that this was taken from; an older one never replaces a newer one.
    pub revision: Revision,
    /// Whether the app was deleted: nothing is accepted or sent, and its data is removed bit by bit.
    pub deleted: bool,
}
