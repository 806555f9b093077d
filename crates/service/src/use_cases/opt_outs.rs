//! Opt-outs of people. Each lives in its address' partition and is acknowledged when every holder is fenced (P1).

use model::address::AddressKey;
use model::channel::Channel;
use model::command::Command;
use model::id::{AppId, GroupId};
use model::opt_out::{OptOut, OptOutSource};
use model::outcome::{Outcome, Refusal};
use registry::tables::{OptOuts, ReadRows, View};

use super::{PAGE_MAX, Service, found_or, unexpected};
use crate::addresses;
use crate::error::ServiceError;

/// Which opt-out is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct OptOutKey {
    pub app: AppId,
    /// The recipient, normalised for the channel.
    pub key: AddressKey,
    pub channel: Channel,
}

impl Service {
    /// Reads which opt-out is meant from an address as a caller wrote it, in the member `field` of the request.
    ///
    /// # Errors
    /// `Invalid` naming `field` when it is no address of the channel; `NotFound` when there is no such app.
    pub async fn opt_out_key(
        &self,
        app: AppId,
        channel: Channel,
        (field, address): (&str, &str),
    ) -> Result<OptOutKey, ServiceError> {
        let numbering = self.numbering(app).await?;
        let read = addresses::read(channel, address, numbering);
        let (_, key) = read.map_err(|reason| ServiceError::invalid(field, reason.to_string()))?;
        Ok(OptOutKey { app, key, channel })
    }

    /// Records that a recipient wants no messages of an app on a channel. When this answers, no region begins to hand
    /// one over; repeating it keeps the first time and is acknowledged in the same way.
    ///
    /// # Errors
    /// `NotFound` when there is no such app; the log's errors, after which the opt-out may or may not be recorded.
    pub async fn put_opt_out(&self, which: OptOutKey, source: OptOutSource) -> Result<OptOut, ServiceError> {
        self.get_app(which.app).await?;
        let group = which.key.partition(self.facts.partitions);
        let OptOutKey { app, key, channel } = which.clone();
        match self.propose_fenced(group, Command::PutOptOut { app, key, channel, source }).await? {
            // Not read again: somebody may have taken it back by now.
            Outcome::OptOut(opt_out) => Ok(opt_out),
            // Of a group whose version has no such answer. It was recorded, whoever took it back meanwhile.
            Outcome::Done => self.get_opt_out(&which).await.or_else(|error| {
                let OptOutKey { app, key, channel } = which;
                let time = self.clock.wall_time();
                found_or(error, OptOut { app, key, channel, source, time })
            }),
            _ => Err(unexpected("something else than an opt-out")),
        }
    }

    /// Returns an opt-out.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get_opt_out(&self, which: &OptOutKey) -> Result<OptOut, ServiceError> {
        let row = (which.app, which.key.clone(), which.channel);
        let look = |view: &dyn View| Ok(ReadRows::<OptOuts>::get(view, &row)?);
        let found = self.read(which.key.partition(self.facts.partitions), look).await?;
        found.ok_or_else(|| Refusal::OptOutNotFound.into())
    }

    /// Removes an opt-out.
    ///
    /// # Errors
    /// `NotFound` when there is none; the log's errors.
    pub async fn delete_opt_out(&self, which: OptOutKey) -> Result<(), ServiceError> {
        let group = which.key.partition(self.facts.partitions);
        let OptOutKey { app, key, channel } = which;
        self.propose(group, Command::DeleteOptOut { app, key, channel }).await?;
        Ok(())
    }

    /// Returns at most [`PAGE_MAX`] opt-outs of an app, by partition and then by address; those after `after`, if
    /// given.
    ///
    /// # Errors
    /// `NotFound` when there is no such app.
    pub async fn list_opt_outs(&self, app: AppId, after: Option<&OptOutKey>) -> Result<Vec<OptOut>, ServiceError> {
        self.get_app(app).await?;
        let mut page = Vec::new();
        let first = after.map_or(GroupId(1), |key| key.key.partition(self.facts.partitions));
        for group in GroupId::partitions(self.facts.partitions).filter(|group| *group >= first) {
            let start = after.filter(|_| group == first).map_or_else(
                || (app, AddressKey::from_stored(""), Channel::Email),
                |key| (app, key.key.clone(), key.channel),
            );
            let limit = PAGE_MAX + 1 - page.len();
            let rows = self.read(group, |view| Ok(ReadRows::<OptOuts>::scan(view, &start, limit)?)).await?;
            let skip = after.map(|key| (key.app, key.key.clone(), key.channel));
            page.extend(
                rows.into_iter()
                    .take_while(|(key, _)| key.0 == app)
                    .filter(|(key, _)| Some(key) != skip.as_ref())
                    .map(|(_, row)| row),
            );
            if page.len() >= PAGE_MAX {
                page.truncate(PAGE_MAX);
                break;
            }
        }
        Ok(page)
    }
}
