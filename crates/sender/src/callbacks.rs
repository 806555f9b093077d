//! What providers tell: the one place behind [`ProviderEvents`]. Checks who tells it, parses bytes into commands, and
//! proposes nothing.
//!
//! What must always hold: no byte of a body is parsed before its signature was checked, and a driver without secrets
//! takes no callbacks.

use std::sync::Arc;

use model::command::Proposal;
use model::{AppId, GroupId};
use registry::tables::{AdoptedPlan, AppSendStates, RowAccess, TableError};
use service::ports::{CallbackError, CallbackHead, ProviderEvents, Reads};

use crate::driver::AppsOfNumbers;
use crate::drivers::sandbox;
use crate::signature::{NotAuthentic, Signed, SigningSecret};

/// The largest number of apps of one number that an inbound SMS is looked at for.
const APPS_READ_MAX: usize = model::app::APPS_MAX;

/// What callbacks are checked and read with.
pub struct CallbacksConfig {
    /// The number of partitions of the cluster.
    pub partitions: u16,
    /// Which apps send from a number.
    pub apps_of_numbers: AppsOfNumbers,
    /// What the sandbox signs with, at most [`crate::signature::SECRETS_MAX`]; with none it is not called back by.
    pub sandbox: Vec<SigningSecret>,
}

/// The callbacks of all drivers.
pub struct Callbacks(CallbacksConfig);

impl Callbacks {
    /// Makes them.
    pub fn new(config: CallbacksConfig) -> Callbacks {
        Callbacks(config)
    }

    /// Returns the secrets of a driver that takes callbacks.
    fn secrets(&self, driver: &str) -> Result<&[SigningSecret], CallbackError> {
        match driver {
            sandbox::NAME if !self.0.sandbox.is_empty() => Ok(&self.0.sandbox),
            other => Err(CallbackError::UnknownDriver(other.to_owned())),
        }
    }
}

impl ProviderEvents for Callbacks {
    fn admit(&self, driver: &str, head: &CallbackHead<'_>) -> Result<(), CallbackError> {
        self.secrets(driver)?;
        Signed::read(head).map_err(not_authentic)?;
        Ok(())
    }

    fn parse(
        &self,
        driver: &str,
        head: &CallbackHead<'_>,
        body: &[u8],
    ) -> Result<Vec<(GroupId, Proposal)>, CallbackError> {
        let secrets = self.secrets(driver)?;
        let signed = Signed::read(head).map_err(not_authentic)?;
        signed.verify(secrets, body).map_err(not_authentic)?;
        // The sandbox is the only driver with secrets.
        sandbox::parse_callback(signed.id, body, self.0.partitions, &self.0.apps_of_numbers)
    }
}

fn not_authentic(error: NotAuthentic) -> CallbackError {
    metrics::counter!("signalbox_sender_callbacks_not_authentic_total", "reason" => error.name()).increment(1);
    CallbackError::NotAuthentic(error.to_string())
}

/// Says that every app with an SMS channel sends from every number: right while numbers are not configured by app.
/// Reads the first of `groups` that this node holds and that goes by a plan, once for all numbers; while there is none,
/// the provider must repeat its callback, because a STOP must not be lost.
pub fn all_sms_apps(reads: Arc<dyn Reads>, groups: Vec<GroupId>) -> AppsOfNumbers {
    Arc::new(move |numbers| {
        let apps: Arc<[AppId]> = sms_apps(&*reads, &groups)?.into();
        Ok(numbers.iter().map(|number| ((*number).to_owned(), Arc::clone(&apps))).collect())
    })
}

fn sms_apps(reads: &dyn Reads, groups: &[GroupId]) -> Result<Vec<AppId>, CallbackError> {
    let current = groups.iter().find_map(|group| {
        let view = reads.view(*group).ok()?;
        let plan = view.row::<AdoptedPlan>(&()).ok()?;
        plan.map(|_| view)
    });
    let view = current.ok_or_else(|| CallbackError::Unavailable("this node has no current partition".to_owned()))?;
    let unreadable = |error: TableError| CallbackError::Unavailable(error.to_string());
    let send_states = view.rows_while::<AppSendStates>(&AppId(0), APPS_READ_MAX, |_| true).map_err(unreadable)?;
    let sends_sms = |send_state: &model::AppSendState| {
        !send_state.deleted && send_state.channels.contains_key(&model::Channel::Sms)
    };
    Ok(send_states.into_iter().filter(|(_, send_state)| sends_sms(send_state)).map(|(app, _)| app).collect())
}
