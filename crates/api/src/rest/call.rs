//! A request whose sender is known, as its operation gets it.

use bytes::Bytes;
use model::id::{AppId, RequestId};

use super::error::RestError;
use super::state::RestApi;
use crate::keys::Caller;

/// A request whose sender is known.
pub(super) struct Call<'d> {
    /// The listener it came through.
    pub(super) api: &'d RestApi,
    pub(super) caller: Caller,
    pub(super) request_id: RequestId,
    /// The id that it shares with its repetitions.
    pub(super) retry_id: Option<RequestId>,
    /// The values of the path's variables.
    pub(super) values: Vec<String>,
    pub(super) body: Bytes,
}

impl Call<'_> {
    /// Returns the value of a variable of the path by its place.
    pub(super) fn value(&self, place: usize) -> &str {
        self.values.get(place).map_or("", String::as_str)
    }

    /// Returns the app of the path. A text that is no app's id is no app's: it isn't found.
    pub(super) fn app(&self) -> Result<AppId, RestError> {
        self.value(0).parse().map_err(|_| service::ServiceError::from(model::Refusal::AppNotFound).into())
    }
}
