//! CreateApp, GetApp, DeleteApp.

use std::collections::BTreeMap;

use http::StatusCode;
use model::app::App;
use serde::{Deserialize, Serialize};
use service::use_cases::CreateApp;

use super::call::Call;
use super::error::RestError;
use super::json::{given, parse};
use super::reply::Reply;
use super::times::body_time;
use crate::limits;

#[derive(Debug, Deserialize)]
struct CreateApplicationRequest {
    #[serde(rename = "Name")]
    name: String,
    tags: Option<BTreeMap<String, Option<String>>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ApplicationResponse<'a> {
    arn: String,
    creation_date: String,
    id: String,
    name: &'a str,
    #[serde(rename = "tags")]
    tags: &'a BTreeMap<String, String>,
}

pub(super) async fn create_app(call: &Call<'_>) -> Result<Reply, RestError> {
    let request = create_request(&call.body)?;
    let app = call.api.service.create_app(request).await?;
    Ok(reply(call, StatusCode::CREATED, &app))
}

pub(super) async fn get_app(call: &Call<'_>) -> Result<Reply, RestError> {
    let app = call.api.service.get_app(call.app()?).await?;
    Ok(reply(call, StatusCode::OK, &app))
}

pub(super) async fn delete_app(call: &Call<'_>) -> Result<Reply, RestError> {
    let app = call.api.service.delete_app(call.app()?).await?;
    Ok(reply(call, StatusCode::OK, &app))
}

fn create_request(body: &[u8]) -> Result<CreateApp, RestError> {
    let request: CreateApplicationRequest = parse(body)?;
    let tags: BTreeMap<String, String> = given(request.tags).collect();
    limits::app("Name", &request.name, &tags)?;
    Ok(CreateApp { name: request.name, tags })
}

fn reply(call: &Call<'_>, status: StatusCode, app: &App) -> Reply {
    let region = &call.api.service.facts().region;
    let body = ApplicationResponse {
        arn: format!("arn:aws:mobiletargeting:{region}:{}:apps/{}", call.api.account, app.id),
        creation_date: body_time(app.created),
        id: app.id.to_string(),
        name: &app.name,
        tags: &app.tags,
    };
    Reply::json(status, &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_is_required() {
        let fine = create_request(br#"{"Name":"n","tags":{"team":"alerts","x":null}}"#).unwrap();
        assert_eq!(fine.tags, BTreeMap::from([("team".into(), "alerts".into())]));
        let long = format!(r#"{{"Name":"{}"}}"#, "n".repeat(65));
        for bad in ["{}", r#"{"Name":null}"#, r#"{"Name":7}"#, r#"{"Name":""}"#, "[]", "\"text\"", long.as_str()] {
            assert_eq!(create_request(bad.as_bytes()).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
    }
}
