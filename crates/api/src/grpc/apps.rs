//! Apps and their channels.

use std::sync::Arc;

use model::channel::Channel;
use policy::Action;
use service::use_cases::{CreateApp, PutChannel};
use tonic::{Request, Response, Status};
use wire::public::{parse_app_id, parse_channel, parse_channel_detail, parse_class};
use wire::v1;

use super::error::GrpcError;
use super::state::GrpcApi;
use crate::limits::{self, ChannelNames};

const NAMES: ChannelNames = ChannelNames {
    from_address: "email.from_address",
    identity: "email.identity",
    configuration_set: "email.configuration_set",
    role_arn: "email.role_arn",
    sender_id: "sms.sender_id",
    short_code: "sms.short_code",
    default_country: "sms.default_country",
};

pub(super) struct AppsService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::apps_server::Apps for AppsService {
    async fn create(&self, request: Request<v1::CreateAppRequest>) -> Result<Response<v1::CreateAppResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::CreateApp)?;
        let v1::CreateAppRequest { name, tags } = request.into_inner();
        limits::app("name", &name, &tags).map_err(GrpcError::from)?;
        let app = self.0.service.create_app(CreateApp { name, tags }).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::CreateAppResponse { app: Some(app.into()) }))
    }

    async fn get(&self, request: Request<v1::GetAppRequest>) -> Result<Response<v1::GetAppResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetApp)?;
        let app = parse_app_id(&request.get_ref().app_id, "app_id").map_err(GrpcError::from)?;
        let app = self.0.service.get_app(app).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::GetAppResponse { app: Some(app.into()) }))
    }

    async fn delete(&self, request: Request<v1::DeleteAppRequest>) -> Result<Response<v1::DeleteAppResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::DeleteApp)?;
        let app = parse_app_id(&request.get_ref().app_id, "app_id").map_err(GrpcError::from)?;
        let app = self.0.service.delete_app(app).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::DeleteAppResponse { app: Some(app.into()) }))
    }

    async fn put_channel(
        &self,
        request: Request<v1::PutChannelRequest>,
    ) -> Result<Response<v1::PutChannelResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let put = put_channel(request)?;
        let _entered = self.0.enter(&extensions, actions(put.channel)?.put)?;
        let settings = self.0.service.put_channel(put).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::PutChannelResponse { settings: Some(settings.into()) }))
    }

    async fn get_channel(
        &self,
        request: Request<v1::GetChannelRequest>,
    ) -> Result<Response<v1::GetChannelResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let channel = parse_channel(request.channel, "channel").map_err(GrpcError::from)?;
        let _entered = self.0.enter(&extensions, actions(channel)?.get)?;
        let app = parse_app_id(&request.app_id, "app_id").map_err(GrpcError::from)?;
        let settings = self.0.service.get_channel(app, channel).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::GetChannelResponse { settings: Some(settings.into()) }))
    }

    async fn delete_channel(
        &self,
        request: Request<v1::DeleteChannelRequest>,
    ) -> Result<Response<v1::DeleteChannelResponse>, Status> {
        let (_, extensions, request) = request.into_parts();
        let channel = parse_channel(request.channel, "channel").map_err(GrpcError::from)?;
        let _entered = self.0.enter(&extensions, actions(channel)?.delete)?;
        let app = parse_app_id(&request.app_id, "app_id").map_err(GrpcError::from)?;
        let settings = self.0.service.delete_channel(app, channel).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::DeleteChannelResponse { settings: Some(settings.into()) }))
    }
}

fn put_channel(request: v1::PutChannelRequest) -> Result<PutChannel, GrpcError> {
    let (channel, detail) = parse_channel_detail(request.detail)?;
    limits::channel(&detail, &NAMES)?;
    Ok(PutChannel {
        app: parse_app_id(&request.app_id, "app_id")?,
        channel,
        enabled: request.enabled,
        class: parse_class(request.class, "class")?,
        detail,
    })
}

/// What a key must allow for a channel.
struct ChannelActions {
    put: Action,
    get: Action,
    delete: Action,
}

/// Names the actions of a channel, which are Pinpoint's where it has them.
fn actions(channel: Channel) -> Result<ChannelActions, GrpcError> {
    match channel {
        Channel::Email => Ok(ChannelActions {
            put: Action::UpdateEmailChannel,
            get: Action::GetEmailChannel,
            delete: Action::DeleteEmailChannel,
        }),
        Channel::Sms => Ok(ChannelActions {
            put: Action::UpdateSmsChannel,
            get: Action::GetSmsChannel,
            delete: Action::DeleteSmsChannel,
        }),
        Channel::Custom => Ok(ChannelActions {
            put: Action::PutCustomChannel,
            get: Action::GetCustomChannel,
            delete: Action::DeleteCustomChannel,
        }),
        other => Err(GrpcError::invalid("channel", &format!("EMAIL, SMS or CUSTOM is allowed, found {other}"))),
    }
}
