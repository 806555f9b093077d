//! Opt-out lists. A number in a list gets nothing that goes by the list, whichever app sends it; like every opt-out it
//! lives in its address' partition and is acknowledged when every holder is fenced (P1).

use model::address::AddressKey;
use model::channel::Channel;
use model::command::Command;
use model::id::GroupId;
use model::opt_out::{ListedOptOut, OptOutList, OptOutSource};
use model::outcome::{Outcome, Refusal};
use registry::tables::{ListedOptOuts, ReadRows, View};

use super::{PAGE_MAX, Service, found_or, unexpected};
use crate::addresses::{self, Numbering};
use crate::error::{ErrorCode, ServiceError};

/// Which opt-out of a list is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "names and types say the rest")]
pub struct ListedOptOutKey {
    pub list: OptOutList,
    pub key: AddressKey,
}

impl Service {
    /// Reads which list is meant.
    ///
    /// # Errors
    /// `NotFound` when there is none of that name.
    pub fn opt_out_list(&self, name: &str) -> Result<OptOutList, ServiceError> {
        match name == OptOutList::DEFAULT.as_str() {
            true => Ok(OptOutList::DEFAULT),
            false => Err(ServiceError::new(ErrorCode::NotFound, format!("opt-out list {name:?} not found"))),
        }
    }

    /// Reads which opt-out of a list is meant from an address as a caller wrote it, in the member `field` of the
    /// request. A list belongs to no app, so that a number must name its country.
    ///
    /// # Errors
    /// `Invalid` naming the member when the channel has no lists, or the text is no address of it; `NotFound` when
    /// there is no such list.
    pub fn listed_opt_out_key(
        &self,
        list: &str,
        channel: Channel,
        (field, address): (&str, &str),
    ) -> Result<ListedOptOutKey, ServiceError> {
        let list = self.opt_out_list(list)?;
        if OptOutList::of(channel).is_none() {
            let text = format!("opt-out lists hold telephone numbers, and {channel} has none");
            return Err(ServiceError::invalid("channel", text));
        }
        let read = addresses::read(channel, address, Numbering::Unknown);
        let (_, key) = read.map_err(|reason| ServiceError::invalid(field, reason.to_string()))?;
        Ok(ListedOptOutKey { list, key })
    }

    /// Puts a number into a list. When this answers, no region begins to hand it a message that goes by the list;
    /// repeating it keeps the first time and is acknowledged in the same way.
    ///
    /// # Errors
    /// The log's errors, after which the opt-out may or may not be recorded.
    pub async fn put_listed_opt_out(
        &self,
        which: ListedOptOutKey,
        source: OptOutSource,
    ) -> Result<ListedOptOut, ServiceError> {
        let group = which.key.partition(self.facts.partitions);
        let ListedOptOutKey { list, key } = which.clone();
        match self.propose_fenced(group, Command::PutListedOptOut { list, key, source }).await? {
            // Not read again: somebody may have taken it out by now.
            Outcome::ListedOptOut(listed) => Ok(listed),
            // Of a group whose version has no such answer. It was recorded, whoever took it out meanwhile.
            Outcome::Done => self.get_listed_opt_out(&which).await.or_else(|error| {
                let ListedOptOutKey { list, key } = which;
                let time = self.clock.wall_time();
                found_or(error, ListedOptOut { list, key, source, time })
            }),
            _ => Err(unexpected("something else than an opt-out of a list")),
        }
    }

    /// Returns an opt-out of a list.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn get_listed_opt_out(&self, which: &ListedOptOutKey) -> Result<ListedOptOut, ServiceError> {
        let row = (which.list.clone(), which.key.clone());
        let look = |view: &dyn View| Ok(ReadRows::<ListedOptOuts>::get(view, &row)?);
        let found = self.read(which.key.partition(self.facts.partitions), look).await?;
        found.ok_or_else(|| Refusal::OptOutNotFound.into())
    }

    /// Takes a number out of a list.
    ///
    /// # Errors
    /// `NotFound` when it isn't in it; the log's errors.
    pub async fn delete_listed_opt_out(&self, which: ListedOptOutKey) -> Result<(), ServiceError> {
        let group = which.key.partition(self.facts.partitions);
        let ListedOptOutKey { list, key } = which;
        self.propose(group, Command::DeleteListedOptOut { list, key }).await?;
        Ok(())
    }

    /// Returns at most [`PAGE_MAX`] opt-outs of a list, by partition and then by address; those after `after`, if
    /// given.
    ///
    /// # Errors
    /// When a partition can't be read.
    pub async fn list_listed_opt_outs(
        &self,
        list: &OptOutList,
        after: Option<&AddressKey>,
    ) -> Result<Vec<ListedOptOut>, ServiceError> {
        let mut page = Vec::new();
        let first = after.map_or(GroupId(1), |key| key.partition(self.facts.partitions));
        for group in GroupId::partitions(self.facts.partitions).filter(|group| *group >= first) {
            let from = after.filter(|_| group == first).cloned();
            let start = (list.clone(), from.clone().unwrap_or_else(|| AddressKey::from_stored("")));
            let limit = PAGE_MAX + 1 - page.len();
            let rows = self.read(group, |view| Ok(ReadRows::<ListedOptOuts>::scan(view, &start, limit)?)).await?;
            let of_list = rows.into_iter().take_while(|((its_list, _), _)| its_list == list);
            page.extend(of_list.filter(|((_, key), _)| Some(key) != from.as_ref()).map(|(_, row)| row));
            if page.len() >= PAGE_MAX {
                page.truncate(PAGE_MAX);
                break;
            }
        }
        Ok(page)
    }
}
