//! Opt-outs: those of apps, and those in lists.

use std::sync::Arc;

use model::channel::Channel;
use policy::Action;
use service::ErrorCode;
use service::use_cases::{ListedOptOutKey, OptOutKey};
use tonic::{Request, Response, Status};
use wire::public::{parse_app_id, parse_channel, parse_source};
use wire::v1;

use super::error::GrpcError;
use super::opt_out_pages;
use super::state::GrpcApi;

pub(super) struct OptOutsService(pub(super) Arc<GrpcApi>);

/// Which opt-out a request means.
enum Which {
    OfApp(OptOutKey),
    Listed(ListedOptOutKey, Channel),
}

#[tonic::async_trait]
impl v1::opt_outs_server::OptOuts for OptOutsService {
    async fn put(&self, request: Request<v1::PutOptOutRequest>) -> Result<Response<v1::PutOptOutResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::PutOptOut)?;
        let request = request.into_inner();
        let source = parse_source(request.source, "source").map_err(GrpcError::from)?;
        let scope = Scope { app: &request.app_id, list: &request.opt_out_list };
        let service = &self.0.service;
        let opt_out = match self.which(scope, request.channel, &request.address).await? {
            Which::OfApp(which) => service.put_opt_out(which, source).await.map(v1::OptOut::from),
            Which::Listed(which, channel) => {
                service.put_listed_opt_out(which, source).await.map(|listed| (listed, channel).into())
            }
        };
        Ok(Response::new(v1::PutOptOutResponse { opt_out: Some(opt_out.map_err(GrpcError::from)?) }))
    }

    async fn get(&self, request: Request<v1::GetOptOutRequest>) -> Result<Response<v1::GetOptOutResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetOptOut)?;
        let request = request.into_inner();
        let scope = Scope { app: &request.app_id, list: &request.opt_out_list };
        let opt_out = match self.which(scope, request.channel, &request.address).await? {
            Which::OfApp(which) => self.holding(&which).await?,
            Which::Listed(which, channel) => {
                let listed = self.0.service.get_listed_opt_out(&which).await.map_err(GrpcError::from)?;
                (listed, channel).into()
            }
        };
        Ok(Response::new(v1::GetOptOutResponse { opt_out: Some(opt_out) }))
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteOptOutRequest>,
    ) -> Result<Response<v1::DeleteOptOutResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::DeleteOptOut)?;
        let request = request.into_inner();
        let scope = Scope { app: &request.app_id, list: &request.opt_out_list };
        let (key, deleted) = match self.which(scope, request.channel, &request.address).await? {
            Which::OfApp(which) => (which.key.clone(), self.0.service.delete_opt_out(which).await),
            Which::Listed(which, _) => (which.key.clone(), self.0.service.delete_listed_opt_out(which).await),
        };
        deleted.map_err(GrpcError::from)?;
        Ok(Response::new(v1::DeleteOptOutResponse { recipient_key: key.as_str().to_owned() }))
    }

    async fn list(
        &self,
        request: Request<v1::ListOptOutsRequest>,
    ) -> Result<Response<v1::ListOptOutsResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::ListOptOuts)?;
        let request = request.into_inner();
        let scope = Scope { app: &request.app_id, list: &request.opt_out_list };
        let (opt_outs, next) = match &request.address {
            Some(address) => {
                let which = self.which(scope, request.channel, address).await?;
                (self.of_recipient(which).await?, String::new())
            }
            None if scope.is_list()? => {
                opt_out_pages::of_list(&self.0.service, scope.list, &request.page_token).await?
            }
            None => opt_out_pages::of_app(&self.0.service, scope.app, &request.page_token).await?,
        };
        Ok(Response::new(v1::ListOptOutsResponse { opt_outs, next_page_token: next }))
    }
}

/// For whom an opt-out stands: an app, or everybody who goes by a list.
#[derive(Clone, Copy)]
struct Scope<'r> {
    app: &'r str,
    list: &'r str,
}

impl Scope<'_> {
    fn is_list(&self) -> Result<bool, GrpcError> {
        match (self.app.is_empty(), self.list.is_empty()) {
            (false, false) => Err(GrpcError::invalid("opt_out_list", "is not given together with app_id")),
            (_, list_is_empty) => Ok(!list_is_empty),
        }
    }
}

impl OptOutsService {
    async fn which(&self, scope: Scope<'_>, channel: i32, address: &str) -> Result<Which, GrpcError> {
        let channel = parse_channel(channel, "channel")?;
        let (service, address) = (&self.0.service, ("address", address));
        if scope.is_list()? {
            return Ok(Which::Listed(service.listed_opt_out_key(scope.list, channel, address)?, channel));
        }
        let app = parse_app_id(scope.app, "app_id")?;
        Ok(Which::OfApp(service.opt_out_key(app, channel, address).await?))
    }

    /// Returns the opt-out that forbids messages of an app: its own, else the one in the list that they go by.
    async fn holding(&self, which: &OptOutKey) -> Result<v1::OptOut, GrpcError> {
        let service = &self.0.service;
        match service.get_opt_out(which).await {
            Err(error) if error.code == ErrorCode::NotFound => match self.listed(which).await? {
                Some(listed) => Ok(listed),
                None => Err(error.into()),
            },
            own => Ok(own.map(v1::OptOut::from)?),
        }
    }

    /// Returns the opt-out in the list that an app's messages go by, if there is one.
    async fn listed(&self, which: &OptOutKey) -> Result<Option<v1::OptOut>, GrpcError> {
        let Some(list) = model::opt_out::OptOutList::of(which.channel) else { return Ok(None) };
        let key = which.key.clone();
        match self.0.service.get_listed_opt_out(&ListedOptOutKey { list, key }).await {
            Ok(listed) => Ok(Some((listed, which.channel).into())),
            Err(error) if error.code == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns what opts one recipient out, on every channel that reaches it.
    async fn of_recipient(&self, which: Which) -> Result<Vec<v1::OptOut>, GrpcError> {
        let which = match which {
            Which::OfApp(which) => which,
            Which::Listed(which, channel) => {
                return match self.0.service.get_listed_opt_out(&which).await {
                    Ok(listed) => Ok(vec![(listed, channel).into()]),
                    Err(error) if error.code == ErrorCode::NotFound => Ok(Vec::new()),
                    Err(error) => Err(error.into()),
                };
            }
        };
        let family = which.channel.address_family();
        let mut found = Vec::new();
        for channel in model::channel::CHANNELS.into_iter().filter(|channel| channel.address_family() == family) {
            match self.0.service.get_opt_out(&OptOutKey { channel, ..which.clone() }).await {
                Ok(opt_out) => found.push(opt_out.into()),
                Err(error) if error.code == ErrorCode::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        found.extend(self.listed(&which).await?);
        Ok(found)
    }
}
