//! What providers tell: the one place behind [`ProviderEvents`]. Parses bytes into commands and proposes nothing.

use std::sync::Arc;

use model::{AppId, Command, GroupId};
use registry::tables::{AdoptedPlan, AppSendStates, RowAccess, TableError};
use service::ports::{CallbackError, ProviderEvents, Reads};

use crate::driver::AppsOfNumber;
use crate::drivers::sandbox;

/// The largest number of apps of one number that an inbound SMS is looked at for.
const APPS_READ_MAX: usize = model::app::APPS_MAX;

/// The callbacks of all drivers.
pub struct Callbacks {
    partitions: u16,
    apps_of_number: AppsOfNumber,
}

impl Callbacks {
    /// Makes them for a cluster with `partitions` partitions.
    pub fn new(partitions: u16, apps_of_number: AppsOfNumber) -> Callbacks {
        Callbacks { partitions, apps_of_number }
    }
}

impl ProviderEvents for Callbacks {
    fn parse(&self, driver: &str, body: &[u8]) -> Result<Vec<(GroupId, Command)>, CallbackError> {
        match driver {
            sandbox::NAME => sandbox::parse_callback(body, self.partitions, &self.apps_of_number),
            other => Err(CallbackError::UnknownDriver(other.to_owned())),
        }
    }
}

/// Says that every app with an SMS channel sends from every number: right while numbers are not configured by app.
/// Reads the first of `groups` that this node holds and that goes by a plan; while there is none, the provider must
/// repeat its callback, because a STOP must not be lost.
pub fn all_sms_apps(reads: Arc<dyn Reads>, groups: Vec<GroupId>) -> AppsOfNumber {
    Arc::new(move |_number| {
        let current = groups.iter().find_map(|group| {
            let view = reads.view(*group).ok()?;
            let plan = view.row::<AdoptedPlan>(&()).ok()?;
            plan.map(|_| view)
        });
        let view =
            current.ok_or_else(|| CallbackError::Unavailable("this node has no current partition".to_owned()))?;
        let unreadable = |error: TableError| CallbackError::Unavailable(error.to_string());
        let send_states = view.rows_while::<AppSendStates>(&AppId(0), APPS_READ_MAX, |_| true).map_err(unreadable)?;
        let sends_sms = |send_state: &model::AppSendState| {
            !send_state.deleted && send_state.channels.contains_key(&model::Channel::Sms)
        };
        Ok(send_states.into_iter().filter(|(_, send_state)| sends_sms(send_state)).map(|(app, _)| app).collect())
    })
}
