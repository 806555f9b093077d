//! From the name of an operation to what carries it out, if the caller may.

use bytes::Bytes;
use model::channel::Channel;
use model::id::{AppId, RequestId};
use policy::Action;

use super::error::RestError;
use super::reply::Reply;
use super::state::RestApi;
use super::{apps, channels, endpoints, messages};
use crate::keys::Caller;

/// A request whose sender is known.
pub(super) struct Call<'d> {
    /// The listener it came through.
    pub(super) api: &'d RestApi,
    /// Who sent it.
    pub(super) caller: Caller,
    /// Its own id.
    pub(super) request_id: RequestId,
    /// The id that it shares with its repetitions.
    pub(super) retry_id: Option<RequestId>,
    /// The values of the path's variables.
    pub(super) values: Vec<String>,
    /// The body.
    pub(super) body: Bytes,
}

impl Call<'_> {
    /// Returns the value of a variable of the path by its place.
    pub(super) fn value(&self, place: usize) -> &str {
        self.values.get(place).map_or("", String::as_str)
    }

    /// Returns the app of the path. A text that is no app's id is no app's: it isn't found.
    ///
    /// # Errors
    /// 404 when no app can have such an id.
    pub(super) fn app(&self) -> Result<AppId, RestError> {
        self.value(0).parse().map_err(|_| service::ServiceError::from(model::Refusal::AppNotFound).into())
    }
}

/// Carries out an operation by its name in the table of operations.
///
/// # Errors
/// 405 when the operation isn't offered, 403 when the caller may not, and the operation's own.
pub(super) async fn carry_out(call: &Call<'_>, operation: &'static str) -> Result<Reply, RestError> {
    let action: Action = operation.parse().map_err(|_| RestError::not_offered(operation))?;
    call.caller.may(action)?;
    match action {
        Action::CreateApp => apps::create_app(call).await,
        Action::GetApp => apps::get_app(call).await,
        Action::DeleteApp => apps::delete_app(call).await,
        Action::UpdateEmailChannel => channels::put_email_channel(call).await,
        Action::UpdateSmsChannel => channels::put_sms_channel(call).await,
        Action::GetEmailChannel => channels::get_channel(call, Channel::Email).await,
        Action::GetSmsChannel => channels::get_channel(call, Channel::Sms).await,
        Action::DeleteEmailChannel => channels::delete_channel(call, Channel::Email).await,
        Action::DeleteSmsChannel => channels::delete_channel(call, Channel::Sms).await,
        Action::UpdateEndpoint => endpoints::upsert_endpoint(call).await,
        Action::GetEndpoint => endpoints::get_endpoint(call).await,
        Action::DeleteEndpoint => endpoints::delete_endpoint(call).await,
        Action::SendMessages => messages::send_messages(call).await,
        _ => Err(RestError::not_offered(operation)),
    }
}
