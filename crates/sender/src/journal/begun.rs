//! The journal itself: what it says, kept in memory and in its file.
//!
//! In the file it only grows, by one write for each batch that begins; when that became large it is written anew without
//! what has its result by now. What has is therefore no business of the file: the number of a dispatch tells it from the
//! next one of the same message.
//!
//! Only what was said on the same boot of the machine counts, because writes aren't synced: a killed process loses none
//! of them, a machine that lost power may. And of a claim it only speaks when the incarnation that has it is the last one
//! that was announced in the group: numbers of starts may begin again with a new data folder, and what an earlier life
//! began under the same number isn't known here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use model::{GroupId, Incarnation, MessageId};

use super::file::{JournalError, JournalFile};
use super::records::{Begun, Record, read};

/// How large the file becomes before it is written anew, in bytes: 50,000 dispatches. When what has no result takes more
/// than half of that, twice as large as that. It is bounded because that is (`Limits::unsettled_len`).
const REWRITTEN_AFTER: usize = 1 << 20;

/// See the module's text.
pub struct Journal {
    file: Arc<dyn JournalFile>,
    /// This boot of the machine. When that has no name, nothing is kept.
    boot: Option<u128>,
    kept: Mutex<Kept>,
    fault: OnceLock<JournalError>,
}

/// What the journal says.
#[derive(Debug, Default)]
struct Kept {
    /// The last incarnation that was announced in each group: all of `open` began under its claims.
    announced: BTreeMap<GroupId, Incarnation>,
    /// What began and has no recorded result, with the dispatch's number; of incarnations that ended, all that is said.
    open: BTreeMap<MessageId, u32>,
    /// The bytes in the file.
    len: usize,
    /// At how many bytes it is written anew.
    rewritten_at: usize,
}

impl Journal {
    /// Opens the journal at a node's start. What the file says of another boot counts for nothing, and neither does a
    /// file that can't be read or understood.
    ///
    /// # Errors
    /// When the file can't be written.
    pub fn open(file: Arc<dyn JournalFile>, boot: Option<u128>) -> Result<Journal, JournalError> {
        let mut kept = boot.map(|boot| Kept::of(&*file, boot)).unwrap_or_default();
        if let Some(boot) = boot {
            kept.rewrite(&*file, boot)?;
        }
        Ok(Journal { file, boot, kept: Mutex::new(kept), fault: OnceLock::new() })
    }

    /// Says whether a dispatch that a message was claimed for certainly didn't begin. `claimed_in` is the incarnation of
    /// the claim, an earlier one of this node.
    pub fn is_unbegun(&self, claimed_in: Incarnation, dispatch: Begun) -> bool {
        let kept = self.lock();
        let speaks = kept.announced.get(&dispatch.message.group()) == Some(&claimed_in);
        speaks && kept.open.get(&dispatch.message) != Some(&dispatch.attempt)
    }

    /// Notes that this incarnation claims in a group from now on, and that nothing is claimed there by earlier ones.
    ///
    /// # Errors
    /// When the file can't be written: nothing may be claimed.
    pub fn announce(&self, group: GroupId, incarnation: Incarnation) -> Result<(), JournalError> {
        let mut kept = self.lock();
        kept.take(Record::Announced(group, incarnation));
        self.write(&mut kept, [Record::Announced(group, incarnation)])
    }

    /// Notes dispatches that are about to begin.
    ///
    /// # Errors
    /// When the file can't be written: none of them may begin.
    pub(crate) fn begin(&self, begun: &[Begun]) -> Result<(), JournalError> {
        let mut kept = self.lock();
        kept.open.extend(begun.iter().map(|begun| (begun.message, begun.attempt)));
        self.write(&mut kept, Record::begun(begun))
    }

    /// Notes that dispatches did not begin after all. That it can't be written loses nothing but this.
    pub(crate) fn withdraw(&self, begun: Vec<Begun>) {
        let mut kept = self.lock();
        let record = Record::Withdrawn(begun);
        kept.take(record.clone());
        let _remembered_as_fault = self.write(&mut kept, [record]);
    }

    /// Forgets messages whose results are recorded.
    pub(crate) fn settled(&self, messages: impl Iterator<Item = MessageId>) {
        let mut kept = self.lock();
        if !kept.open.is_empty() {
            for message in messages {
                kept.open.remove(&message);
            }
        }
    }

    /// Returns why the file failed, if it did. Nothing begins any more then.
    pub(crate) fn fault(&self) -> Option<&JournalError> {
        self.fault.get()
    }

    fn write(&self, kept: &mut Kept, records: impl IntoIterator<Item = Record>) -> Result<(), JournalError> {
        let Some(boot) = self.boot else { return Ok(()) };
        if let Some(fault) = self.fault() {
            return Err(fault.clone());
        }
        let mut bytes = Vec::new();
        records.into_iter().for_each(|record| record.write(&mut bytes));
        let written = if kept.len + bytes.len() > kept.rewritten_at {
            kept.rewrite(&*self.file, boot)
        } else {
            kept.len += bytes.len();
            self.file.append(&bytes)
        };
        // What follows a record without its end couldn't be read.
        written.inspect_err(|fault| drop(self.fault.set(fault.clone())))
    }

    /// Nothing panics while it is locked, so that a poisoned lock means what an unpoisoned one does.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Reads what a file says of this boot.
    fn of(file: &dyn JournalFile, boot: u128) -> Kept {
        let records = match file.read().map(|bytes| read(&bytes)) {
            Ok(Ok(records)) => records,
            Ok(Err(malformed)) => {
                tracing::warn!(%malformed, "journal of begun dispatches not used: what was claimed is held");
                Vec::new()
            }
            Err(error) => {
                tracing::warn!(%error, "journal of begun dispatches not read: what was claimed is held");
                Vec::new()
            }
        };
        let mut kept = Kept::default();
        if records.first() == Some(&Record::Boot(boot)) {
            records.into_iter().for_each(|record| kept.take(record));
        }
        kept
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Boot(_) => {}
            Record::Announced(group, incarnation) => {
                self.announced.insert(group, incarnation);
                self.open.retain(|message, _| message.group() != group);
            }
            Record::Begun(begun) => self.open.extend(begun.iter().map(|begun| (begun.message, begun.attempt))),
            Record::Withdrawn(begun) => {
                for Begun { message, .. } in begun {
                    self.open.remove(&message);
                }
            }
        }
    }

    /// Writes the file anew.
    fn rewrite(&mut self, file: &dyn JournalFile, boot: u128) -> Result<(), JournalError> {
        let open: Vec<Begun> =
            self.open.iter().map(|(message, attempt)| Begun { message: *message, attempt: *attempt }).collect();
        let announced = self.announced.iter().map(|(group, start)| Record::Announced(*group, *start));
        let mut bytes = Vec::new();
        let records = [Record::Boot(boot)].into_iter().chain(announced).chain(Record::begun(&open));
        records.for_each(|record| record.write(&mut bytes));
        file.replace(&bytes)?;
        self.len = bytes.len();
        self.rewritten_at = REWRITTEN_AFTER.max(2 * self.len);
        Ok(())
    }
}
