//! UpdateEndpoint, GetEndpoint, DeleteEndpoint.

use http::StatusCode;
use model::id::EndpointId;
use serde::Serialize;
use service::use_cases::{ReadMode, UpsertEndpointRequest};

use super::call::Call;
use super::endpoint_request::patch;
use super::endpoint_response::endpoint_response;
use super::error::RestError;
use super::reply::{Reply, request_id_text};

#[derive(Debug, Serialize)]
struct MessageBody {
    #[serde(rename = "Message")]
    message: &'static str,
    #[serde(rename = "RequestID")]
    request_id: String,
}

/// UpdateEndpoint: creates an endpoint or merges a change into it.
pub(super) async fn upsert_endpoint(call: &Call<'_>) -> Result<Reply, RestError> {
    let request = UpsertEndpointRequest {
        app: call.app()?,
        endpoint: endpoint_id(call)?,
        display_id: call.value(1).to_owned(),
        patch: patch(&call.body)?,
        request: call.request_id,
    };
    call.api.service.upsert_endpoint(request).await?;
    let body = MessageBody { message: "Accepted", request_id: request_id_text(call.request_id) };
    Ok(Reply::json(StatusCode::ACCEPTED, &body))
}

pub(super) async fn get_endpoint(call: &Call<'_>) -> Result<Reply, RestError> {
    let found = call.api.service.get_endpoint(call.app()?, &endpoint_id(call)?, ReadMode::Local).await?;
    Ok(Reply::json(StatusCode::OK, &endpoint_response(&found)))
}

pub(super) async fn delete_endpoint(call: &Call<'_>) -> Result<Reply, RestError> {
    let gone = call.api.service.delete_endpoint(call.app()?, &endpoint_id(call)?).await?;
    Ok(Reply::json(StatusCode::ACCEPTED, &endpoint_response(&gone)))
}

fn endpoint_id(call: &Call<'_>) -> Result<EndpointId, RestError> {
    EndpointId::new(call.value(1)).map_err(|reason| RestError::bad_request("endpoint-id", reason.to_string()))
}
