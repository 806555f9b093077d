//! Apps and their channels.

use std::collections::BTreeMap;

use serde::Serialize;
use wire::v1;

use super::{or_blank, pairs_text, time_text, yes_no};
use crate::console::{View, facts};
use crate::words;

/// An app.
#[derive(Debug, Serialize)]
pub struct AppView {
    app_id: String,
    name: String,
    tags: BTreeMap<String, String>,
    created_ms: u64,
    revision: u64,
}

impl From<v1::App> for AppView {
    fn from(app: v1::App) -> AppView {
        AppView {
            app_id: app.app_id,
            name: app.name,
            tags: app.tags,
            created_ms: app.created_ms,
            revision: app.revision,
        }
    }
}

impl View for AppView {
    fn text(&self) -> String {
        facts([
            ("app", self.app_id.clone()),
            ("name", self.name.clone()),
            ("tags", pairs_text(&self.tags)),
            ("created", time_text(self.created_ms)),
            ("revision", self.revision.to_string()),
        ])
    }
}

/// A channel of an app; members that its kind doesn't have are left out.
#[derive(Debug, Serialize)]
pub struct ChannelView {
    channel: String,
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<String>,
    #[serde(flatten)]
    detail: Detail,
    created_ms: u64,
    modified_ms: u64,
    revision: u64,
}

#[derive(Debug, Default, Serialize)]
struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    from_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_country: Option<String>,
}

impl From<v1::ChannelSettings> for ChannelView {
    fn from(settings: v1::ChannelSettings) -> ChannelView {
        use v1::channel_settings::Detail as Given;
        let detail = match settings.detail {
            Some(Given::Email(email)) => Detail {
                from_address: Some(email.from_address),
                identity: Some(email.identity),
                configuration_set: email.configuration_set,
                role_arn: email.role_arn,
                ..Detail::default()
            },
            Some(Given::Sms(sms)) => Detail {
                sender_id: sms.sender_id,
                short_code: sms.short_code,
                default_country: sms.default_country,
                ..Detail::default()
            },
            Some(Given::Custom(_)) | None => Detail::default(),
        };
        ChannelView {
            channel: words::channel(settings.channel),
            enabled: settings.enabled,
            class: words::given(words::class(settings.class)),
            detail,
            created_ms: settings.created_ms,
            modified_ms: settings.modified_ms,
            revision: settings.revision,
        }
    }
}

impl View for ChannelView {
    fn text(&self) -> String {
        let detail = &self.detail;
        facts([
            ("channel", self.channel.clone()),
            ("enabled", yes_no(self.enabled)),
            ("class", self.class.clone().unwrap_or_else(|| "by purpose".to_owned())),
            ("from address", or_blank(detail.from_address.as_ref())),
            ("identity", or_blank(detail.identity.as_ref())),
            ("configuration set", or_blank(detail.configuration_set.as_ref())),
            ("role", or_blank(detail.role_arn.as_ref())),
            ("sender id", or_blank(detail.sender_id.as_ref())),
            ("short code", or_blank(detail.short_code.as_ref())),
            ("default country", or_blank(detail.default_country.as_ref())),
            ("created", time_text(self.created_ms)),
            ("modified", time_text(self.modified_ms)),
            ("revision", self.revision.to_string()),
        ])
    }
}
