//! Apps, channels, and what partitions know of them.

use model::Country;
use model::app::{ChannelDetail, FormerCountry};
use model::{App, AppId, AppSendState, ChannelSendState, ChannelSettings, Revision, Timestamp};

use super::{Form, Writer};
use crate::error::InvalidField;
use crate::read::{Within as _, code, code_if_given, code_key, country, list, required};
use crate::state;

impl Form for App {
    type Generated = state::App;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.id.0);
        writer.text(2, &self.name);
        writer.tags(3, &self.tags);
        writer.uint(4, self.created.0);
        writer.uint(5, self.revision.0);
        writer.messages(6, &self.former_countries);
    }

    fn read(row: state::App) -> Result<App, InvalidField> {
        Ok(App {
            id: required(row.id, "id").map(AppId::from)?,
            name: row.name,
            tags: row.tags,
            created: Timestamp(row.created_ms),
            revision: Revision(row.revision),
            former_countries: list(row.former_countries, "former_countries", FormerCountry::read)?,
        })
    }
}

impl Form for FormerCountry {
    type Generated = state::FormerCountry;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.text(1, self.country.as_str());
        writer.uint(2, self.left.0);
    }

    fn read(row: state::FormerCountry) -> Result<FormerCountry, InvalidField> {
        Ok(FormerCountry { country: country(&row.country, "country")?, left: Timestamp(row.left_ms) })
    }
}

impl Form for ChannelDetail {
    type Generated = state::ChannelDetail;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            ChannelDetail::Email { from_address, identity, configuration_set, role_arn } => {
                writer.nested(1, |email| {
                    email.text(1, from_address);
                    email.text(2, identity);
                    email.text_if_given(3, configuration_set.as_deref());
                    email.text_if_given(4, role_arn.as_deref());
                });
            }
            ChannelDetail::Sms { sender_id, short_code, default_country } => {
                writer.nested(2, |sms| {
                    sms.text_if_given(1, sender_id.as_deref());
                    sms.text_if_given(2, short_code.as_deref());
                    sms.text_if_given(3, default_country.as_ref().map(Country::as_str));
                });
            }
            ChannelDetail::Custom => writer.nothing(3),
        }
    }

    fn read(row: state::ChannelDetail) -> Result<ChannelDetail, InvalidField> {
        use state::channel_detail::Detail;
        Ok(match required(row.detail, "detail")? {
            Detail::Email(email) => ChannelDetail::Email {
                from_address: email.from_address,
                identity: email.identity,
                configuration_set: email.configuration_set,
                role_arn: email.role_arn,
            },
            Detail::Sms(sms) => ChannelDetail::Sms {
                sender_id: sms.sender_id,
                short_code: sms.short_code,
                default_country: sms.default_country.map(|text| country(&text, "sms.default_country")).transpose()?,
            },
            Detail::Custom(state::Nothing {}) => ChannelDetail::Custom,
        })
    }
}

/// Parses the `detail` of a message that must have one.
pub(super) fn detail(row: Option<state::ChannelDetail>) -> Result<ChannelDetail, InvalidField> {
    required(row, "detail").and_then(|row| ChannelDetail::read(row).within("detail"))
}

impl Form for ChannelSettings {
    type Generated = state::ChannelSettings;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.code(1, self.channel);
        writer.flag(2, self.enabled);
        writer.code_if_given(3, self.class);
        writer.message(4, &self.detail);
        writer.uint(5, self.created.0);
        writer.uint(6, self.modified.0);
        writer.uint(7, self.revision.0);
    }

    fn read(row: state::ChannelSettings) -> Result<ChannelSettings, InvalidField> {
        Ok(ChannelSettings {
            channel: code(row.channel, "channel")?,
            enabled: row.enabled,
            class: code_if_given(row.class, "class")?,
            detail: detail(row.detail)?,
            created: Timestamp(row.created_ms),
            modified: Timestamp(row.modified_ms),
            revision: Revision(row.revision),
        })
    }
}

impl Form for ChannelSendState {
    type Generated = state::ChannelSendState;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.flag(1, self.enabled);
        writer.code_if_given(2, self.class);
        writer.message(3, &self.detail);
    }

    fn read(row: state::ChannelSendState) -> Result<ChannelSendState, InvalidField> {
        Ok(ChannelSendState {
            enabled: row.enabled,
            class: code_if_given(row.class, "class")?,
            detail: detail(row.detail)?,
        })
    }
}

impl Form for AppSendState {
    type Generated = state::AppSendState;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        for (channel, send_state) in &self.channels {
            writer.nested(2, |entry| {
                entry.code(1, *channel);
                entry.message(2, send_state);
            });
        }
        writer.uint(3, self.revision.0);
        writer.flag(4, self.deleted);
    }

    fn read(row: state::AppSendState) -> Result<AppSendState, InvalidField> {
        let channels = row.channels.into_iter().map(|(channel, send_state)| {
            Ok((code_key(channel, "channels")?, ChannelSendState::read(send_state).within("channels")?))
        });
        Ok(AppSendState {
            app: required(row.app, "app").map(AppId::from)?,
            channels: channels.collect::<Result<_, InvalidField>>()?,
            revision: Revision(row.revision),
            deleted: row.deleted,
        })
    }
}
