//! Endpoints.

use std::sync::Arc;

use model::EndpointPatch;
use policy::Action;
use prost::Message;
use service::ServiceError;
use service::use_cases::{ReadMode, UpsertEndpointRequest};
use tonic::{Request, Response, Status};
use wire::public::{parse_app_id, parse_endpoint_id, parse_request_id, values};
use wire::v1;

use super::error::GrpcError;
use super::state::GrpcApi;
use crate::limits::{self, ENDPOINT_REQUEST_MAX, PatchNames};

const NAMES: PatchNames = PatchNames {
    attributes: "patch.attributes",
    metrics: "patch.metrics",
    user_attributes: "patch.user_attributes",
    effective: "patch.effective_date",
};

pub(super) struct EndpointsService(pub(super) Arc<GrpcApi>);

#[tonic::async_trait]
impl v1::endpoints_server::Endpoints for EndpointsService {
    async fn put(&self, request: Request<v1::PutEndpointRequest>) -> Result<Response<v1::PutEndpointResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::UpdateEndpoint)?;
        let upsert = self.upsert(request.into_inner())?;
        let endpoint = self.0.service.upsert_endpoint(upsert).await.map_err(named)?;
        Ok(Response::new(v1::PutEndpointResponse { endpoint: Some(endpoint.into()) }))
    }

    async fn get(&self, request: Request<v1::GetEndpointRequest>) -> Result<Response<v1::GetEndpointResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::GetEndpoint)?;
        let request = request.into_inner();
        let app = parse_app_id(&request.app_id, "app_id").map_err(GrpcError::from)?;
        let endpoint = parse_endpoint_id(&request.endpoint_id, "endpoint_id").map_err(GrpcError::from)?;
        let mode = if request.linearizable { ReadMode::Linearizable } else { ReadMode::Local };
        let found = self.0.service.get_endpoint(app, &endpoint, mode).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::GetEndpointResponse {
            endpoint: Some(found.endpoint.into()),
            user_attributes: values(found.user_attributes),
        }))
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteEndpointRequest>,
    ) -> Result<Response<v1::DeleteEndpointResponse>, Status> {
        let _entered = self.0.enter(request.extensions(), Action::DeleteEndpoint)?;
        let request = request.into_inner();
        let app = parse_app_id(&request.app_id, "app_id").map_err(GrpcError::from)?;
        let endpoint = parse_endpoint_id(&request.endpoint_id, "endpoint_id").map_err(GrpcError::from)?;
        let gone = self.0.service.delete_endpoint(app, &endpoint).await.map_err(GrpcError::from)?;
        Ok(Response::new(v1::DeleteEndpointResponse {
            endpoint: Some(gone.endpoint.into()),
            user_attributes: values(gone.user_attributes),
        }))
    }
}

impl EndpointsService {
    fn upsert(&self, request: v1::PutEndpointRequest) -> Result<UpsertEndpointRequest, GrpcError> {
        let patch = request.patch.unwrap_or_default();
        if patch.encoded_len() > ENDPOINT_REQUEST_MAX {
            return Err(GrpcError::invalid("patch", &format!("at most {ENDPOINT_REQUEST_MAX} bytes are allowed")));
        }
        let patch = EndpointPatch::try_from(patch).map_err(|flaw| flaw.within("patch"))?;
        limits::patch(&patch, &NAMES)?;
        let request_id = parse_request_id(&request.request_id, "request_id")?;
        Ok(UpsertEndpointRequest {
            app: parse_app_id(&request.app_id, "app_id")?,
            endpoint: parse_endpoint_id(&request.endpoint_id, "endpoint_id")?,
            display_id: request.endpoint_id,
            patch,
            request: request_id.unwrap_or_else(|| self.0.service.new_request_id()),
        })
    }
}

/// Names the member that was wrong as this protocol does.
fn named(error: ServiceError) -> GrpcError {
    let field = error.field.map(|field| match field.as_str() {
        "ChannelType" => "patch.channel".to_owned(),
        "Address" => "patch.address".to_owned(),
        _ => field,
    });
    ServiceError { field, ..error }.into()
}
