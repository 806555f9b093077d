//! Apps and channels.

use model::app::ChannelDetail;
use model::{App, Channel, ChannelSettings};

use crate::codes::Coded as _;
use crate::error::InvalidField;
use crate::read::{country, required};
use crate::v1;

impl From<App> for v1::App {
    fn from(app: App) -> v1::App {
        v1::App {
            app_id: app.id.to_string(),
            name: app.name,
            tags: app.tags,
            created_ms: app.created.0,
            revision: app.revision.0,
        }
    }
}

impl From<ChannelSettings> for v1::ChannelSettings {
    fn from(settings: ChannelSettings) -> v1::ChannelSettings {
        v1::ChannelSettings {
            channel: settings.channel.wire_code(),
            enabled: settings.enabled,
            class: settings.class.map_or(0, |class| class.wire_code()),
            detail: Some(settings.detail.into()),
            created_ms: settings.created.0,
            modified_ms: settings.modified.0,
            revision: settings.revision.0,
        }
    }
}

impl From<ChannelDetail> for v1::channel_settings::Detail {
    fn from(detail: ChannelDetail) -> v1::channel_settings::Detail {
        use v1::channel_settings::Detail;
        match detail {
            ChannelDetail::Email { from_address, identity, configuration_set, role_arn } => {
                Detail::Email(v1::EmailChannel { from_address, identity, configuration_set, role_arn })
            }
            ChannelDetail::Sms { sender_id, short_code, default_country } => {
                let default_country = default_country.map(|country| country.to_string());
                Detail::Sms(v1::SmsChannel { sender_id, short_code, default_country })
            }
            ChannelDetail::Custom => Detail::Custom(v1::CustomChannel {}),
        }
    }
}

/// Parses what a channel needs, and says which channel that is.
///
/// # Errors
/// When nothing is given, or the default country is none.
pub fn parse_channel_detail(
    detail: Option<v1::put_channel_request::Detail>,
) -> Result<(Channel, ChannelDetail), InvalidField> {
    use v1::put_channel_request::Detail;
    Ok(match required(detail, "detail")? {
        Detail::Email(v1::EmailChannel { from_address, identity, configuration_set, role_arn }) => {
            (Channel::Email, ChannelDetail::Email { from_address, identity, configuration_set, role_arn })
        }
        Detail::Sms(v1::SmsChannel { sender_id, short_code, default_country }) => {
            let default_country = default_country.map(|text| country(&text, "sms.default_country")).transpose()?;
            (Channel::Sms, ChannelDetail::Sms { sender_id, short_code, default_country })
        }
        Detail::Custom(v1::CustomChannel {}) => (Channel::Custom, ChannelDetail::Custom),
    })
}
