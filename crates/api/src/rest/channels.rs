//! The EMAIL and SMS channels of an app: Update, Get, Delete. An update replaces a channel's settings as a whole; one
//! that doesn't say whether the channel is enabled leaves that as it is, so that it never begins what was stopped.

use http::StatusCode;
use model::app::{ChannelDetail, ChannelSettings};
use model::channel::Channel;
use serde::{Deserialize, Serialize};
use service::use_cases::PutChannel;

use super::call::Call;
use super::error::RestError;
use super::json::{NotOffered, parse};
use super::reply::Reply;
use super::times::body_time;
use crate::limits::{self, ChannelNames};

const NAMES: ChannelNames = ChannelNames {
    from_address: "FromAddress",
    identity: "Identity",
    configuration_set: "ConfigurationSet",
    role_arn: "RoleArn",
    sender_id: "SenderId",
    short_code: "ShortCode",
    default_country: "DefaultCountry",
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EmailChannelRequest {
    enabled: Option<bool>,
    from_address: String,
    identity: String,
    configuration_set: Option<String>,
    #[expect(dead_code, reason = "what can't be given is never read")]
    orchestration_sending_role_arn: Option<NotOffered>,
    role_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SmsChannelRequest {
    enabled: Option<bool>,
    sender_id: Option<String>,
    short_code: Option<String>,
}

/// The answer for both channels; a member that the other one has is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ChannelResponse<'c> {
    application_id: String,
    creation_date: String,
    enabled: bool,
    id: String,
    is_archived: bool,
    last_modified_date: String,
    platform: &'static str,
    version: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    from_address: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    identity: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration_set: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sender_id: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_code: Option<&'c str>,
}

pub(super) async fn put_email_channel(call: &Call<'_>) -> Result<Reply, RestError> {
    let (enabled, detail) = email_request(&call.body)?;
    put_channel(call, Channel::Email, enabled, detail).await
}

pub(super) async fn put_sms_channel(call: &Call<'_>) -> Result<Reply, RestError> {
    let (enabled, detail) = sms_request(&call.body)?;
    put_channel(call, Channel::Sms, enabled, detail).await
}

pub(super) async fn get_channel(call: &Call<'_>, channel: Channel) -> Result<Reply, RestError> {
    let settings = call.api.service.get_channel(call.app()?, channel).await?;
    Ok(reply(call, &settings))
}

pub(super) async fn delete_channel(call: &Call<'_>, channel: Channel) -> Result<Reply, RestError> {
    let settings = call.api.service.delete_channel(call.app()?, channel).await?;
    Ok(reply(call, &settings))
}

async fn put_channel(
    call: &Call<'_>,
    channel: Channel,
    enabled: Option<bool>,
    detail: ChannelDetail,
) -> Result<Reply, RestError> {
    let request = PutChannel { app: call.app()?, channel, enabled, class: None, detail };
    let settings = call.api.service.put_channel(request).await?;
    Ok(reply(call, &settings))
}

fn email_request(body: &[u8]) -> Result<(Option<bool>, ChannelDetail), RestError> {
    let request: EmailChannelRequest = parse(body)?;
    let detail = ChannelDetail::Email {
        from_address: request.from_address,
        identity: request.identity,
        configuration_set: request.configuration_set,
        role_arn: request.role_arn,
    };
    limits::channel(&detail, &NAMES)?;
    Ok((request.enabled, detail))
}

fn sms_request(body: &[u8]) -> Result<(Option<bool>, ChannelDetail), RestError> {
    let request: SmsChannelRequest = parse(body)?;
    let detail =
        ChannelDetail::Sms { sender_id: request.sender_id, short_code: request.short_code, default_country: None };
    limits::channel(&detail, &NAMES)?;
    Ok((request.enabled, detail))
}

fn reply(call: &Call<'_>, settings: &ChannelSettings) -> Reply {
    Reply::json(StatusCode::OK, &response(call.value(0), settings))
}

fn response<'c>(app: &str, settings: &'c ChannelSettings) -> ChannelResponse<'c> {
    let mut response = ChannelResponse {
        application_id: app.to_owned(),
        creation_date: body_time(settings.created),
        enabled: settings.enabled,
        id: settings.channel.as_str().to_lowercase(),
        is_archived: false,
        last_modified_date: body_time(settings.modified),
        platform: settings.channel.as_str(),
        version: settings.revision.0,
        from_address: None,
        identity: None,
        configuration_set: None,
        role_arn: None,
        sender_id: None,
        short_code: None,
    };
    match &settings.detail {
        ChannelDetail::Email { from_address, identity, configuration_set, role_arn } => {
            response.from_address = Some(from_address);
            response.identity = Some(identity);
            response.configuration_set = configuration_set.as_deref();
            response.role_arn = role_arn.as_deref();
        }
        ChannelDetail::Sms { sender_id, short_code, .. } => {
            response.sender_id = sender_id.as_deref();
            response.short_code = short_code.as_deref();
        }
        ChannelDetail::Custom => {}
    }
    response
}

#[cfg(test)]
mod tests {
    use model::id::Revision;
    use model::time::Timestamp;

    use super::*;

    #[test]
    fn an_email_channel_needs_address_and_identity() {
        let fine = br#"{"Enabled":true,"FromAddress":"Kit <kit@example.com>","Identity":"arn:aws:ses:x"}"#;
        let (enabled, detail) = email_request(fine).unwrap();
        assert_eq!(enabled, Some(true));
        assert!(matches!(detail, ChannelDetail::Email { from_address, .. } if from_address == "Kit <kit@example.com>"));
        for bad in [
            r#"{"Enabled":true}"#,
            r#"{"FromAddress":"kit@example.com"}"#,
            r#"{"FromAddress":"kit","Identity":"i"}"#,
            r#"{"FromAddress":"kit@example.com","Identity":""}"#,
            r#"{"FromAddress":"kit@example.com","Identity":"i","Enabled":"yes"}"#,
        ] {
            assert_eq!(email_request(bad.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }

    #[test]
    fn an_sms_channel_needs_nothing() {
        assert_eq!(
            sms_request(b"{}").unwrap(),
            (None, ChannelDetail::Sms { sender_id: None, short_code: None, default_country: None })
        );
        assert!(sms_request(br#"{"SenderId":""}"#).is_err());
    }

    #[test]
    fn the_answer_is_the_channel_itself() {
        let settings = ChannelSettings {
            channel: Channel::Sms,
            enabled: true,
            class: None,
            detail: ChannelDetail::Sms { sender_id: Some("KIT".into()), short_code: None, default_country: None },
            created: Timestamp(0),
            modified: Timestamp(1_000),
            revision: Revision(3),
        };
        let text = serde_json::to_string(&response("0123", &settings)).unwrap();
        let wanted = r#"{"ApplicationId":"0123","CreationDate":"1970-01-01T00:00:00.000Z","Enabled":true,"Id":"sms","IsArchived":false,"LastModifiedDate":"1970-01-01T00:00:01.000Z","Platform":"SMS","Version":3,"SenderId":"KIT"}"#;
        assert_eq!(text, wanted);
    }
}
