//! Opt-outs.

use std::sync::Arc;

use model::address::AddressKey;
use model::channel::{CHANNELS, Channel};
use model::id::AppId;
use model::opt_out::OptOut;
use policy::Action;
use service::ErrorCode;
use service::use_cases::{OptOutKey, PAGE_MAX};
use tonic::{Request, Response, Status};
use wire::public::{parse_app_id, parse_channel, parse_source};
use wire::v1;

use super::error::GrpcError;
use super::state::GrpcApi;

pub(super) struct OptOutsService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::opt_outs_server::OptOuts for OptOutsService {
    async fn put(&self, request: Request<v1::PutOptOutRequest>) -> Result<Response<v1::PutOptOutResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::PutOptOut)?;
        let request = request.into_inner();
        let source = parse_source(request.source, "source").map_err(GrpcError::from)?;
        let which = self.which(&request.app_id, request.channel, &request.address).await?;
        let opt_out = self.0.service.put_opt_out(which, source).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::PutOptOutResponse { opt_out: Some(opt_out.into()) }))
    }

    async fn get(&self, request: Request<v1::GetOptOutRequest>) -> Result<Response<v1::GetOptOutResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetOptOut)?;
        let request = request.into_inner();
        let which = self.which(&request.app_id, request.channel, &request.address).await?;
        let opt_out = self.0.service.get_opt_out(&which).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::GetOptOutResponse { opt_out: Some(opt_out.into()) }))
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteOptOutRequest>,
    ) -> Result<Response<v1::DeleteOptOutResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::DeleteOptOut)?;
        let request = request.into_inner();
        let which = self.which(&request.app_id, request.channel, &request.address).await?;
        let recipient_key = which.key.as_str().to_owned();
        self.0.service.delete_opt_out(which).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::DeleteOptOutResponse { recipient_key }))
    }

    async fn list(
        &self,
        request: Request<v1::ListOptOutsRequest>,
    ) -> Result<Response<v1::ListOptOutsResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ListOptOuts)?;
        let request = request.into_inner();
        let (opt_outs, next) = match &request.address {
            Some(address) => {
                let which = self.which(&request.app_id, request.channel, address).await?;
                (self.of_recipient(which).await?, String::new())
            }
            None => self.page(&request).await?,
        };
        let opt_outs = opt_outs.into_iter().map(v1::OptOut::from).collect();
        Ok(Response::new(v1::ListOptOutsResponse { opt_outs, next_page_token: next }))
    }
}

impl OptOutsService {
    async fn which(&self, app: &str, channel: i32, address: &str) -> Result<OptOutKey, GrpcError> {
        let channel = parse_channel(channel, "channel")?;
        let app = parse_app_id(app, "app_id")?;
        Ok(self.0.service.opt_out_key(app, channel, ("address", address)).await?)
    }

    /// Returns the opt-outs of one recipient on every channel that reaches it.
    async fn of_recipient(&self, which: OptOutKey) -> Result<Vec<OptOut>, GrpcError> {
        self.0.service.get_app(which.app).await?;
        let family = which.channel.address_family();
        let mut found = Vec::new();
        for channel in CHANNELS.into_iter().filter(|channel| channel.address_family() == family) {
            match self.0.service.get_opt_out(&OptOutKey { channel, ..which.clone() }).await {
                Ok(opt_out) => found.push(opt_out),
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(found)
    }

    async fn page(&self, request: &v1::ListOptOutsRequest) -> Result<(Vec<OptOut>, String), GrpcError> {
        let app = parse_app_id(&request.app_id, "app_id")?;
        let after = if request.page_token.is_empty() { None } else { Some(read_token(app, &request.page_token)?) };
        let page = self.0.service.list_opt_outs(app, after.as_ref()).await?;
        let next = page.last().filter(|_| page.len() >= PAGE_MAX).map(token).unwrap_or_default();
        Ok((page, next))
    }
}

/// Writes where a page ended: the channel's name and the recipient.
fn token(last: &OptOut) -> String {
    format!("{}/{}", last.channel, last.key.as_str())
}

fn read_token(app: AppId, token: &str) -> Result<OptOutKey, GrpcError> {
    let read = || {
        let (channel, key) = token.split_once('/')?;
        let channel: Channel = channel.parse().ok()?;
        Some(OptOutKey { app, key: AddressKey::from_stored(key.to_owned()), channel })
    };
    read().ok_or_else(|| GrpcError::invalid("page_token", "is not a token of an earlier page"))
}

#[cfg(test)]
mod tests {
    use model::opt_out::OptOutSource;
    use model::time::Timestamp;

    use super::*;

    #[test]
    fn a_token_leads_back_to_where_its_page_ended() {
        let key = AddressKey::from_stored("mail:a/b@example.com".into());
        let last = OptOut {
            app: AppId(1),
            key: key.clone(),
            channel: Channel::Email,
            source: OptOutSource::Request,
            time: Timestamp(0),
        };
        let back = read_token(AppId(1), &token(&last)).unwrap();
        assert_eq!(back, OptOutKey { app: AppId(1), key, channel: Channel::Email });
        for bad in ["x", "PIGEON/mail:a@b.c", ""] {
            assert!(read_token(AppId(1), bad).is_err(), "{bad:?}");
        }
    }
}
