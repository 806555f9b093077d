//! From the name of an operation to what carries it out, if the caller may.

use model::channel::Channel;
use policy::Action;

use super::call::Call;
use super::error::RestError;
use super::reply::Reply;
use super::{apps, channels, endpoints, messages};

/// Carries out an operation by its name in the table of operations. Refused with 405 when the operation isn't offered,
/// with 403 when the caller may not.
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
