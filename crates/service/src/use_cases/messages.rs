//! Looking at messages, and deciding what becomes of held ones.

use std::collections::BTreeMap;
use std::time::Duration;

use model::command::{CHUNK_MAX, Command, Resolution};
use model::event::Event;
use model::id::{AppId, GroupId, LogIndex, MessageId};
use model::message::{Message, Progress};
use model::outcome::Outcome;
use registry::tables::{Events, Held, Messages, ProgressOf, ReadRows, View};

use super::{PAGE_MAX, Service, reads_error, unexpected};
use crate::error::{ErrorCode, ServiceError};
use crate::ports::ReadsError;

/// A message with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageReport {
    /// As it was accepted.
    pub message: Message,
    /// How far it got.
    pub progress: Progress,
    /// What happened to it, oldest first; at most [`PAGE_MAX`].
    pub events: Vec<Event>,
}

/// A part of a partition's event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// Events with their numbers, in order.
    pub events: Vec<(u64, Event)>,
    /// The number to go on after.
    pub last: u64,
}

impl Service {
    /// Returns a message with its progress and events, as this region applied them.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id, or it was retired.
    pub async fn get_message(&self, id: MessageId) -> Result<MessageReport, ServiceError> {
        self.report(id).await.map(|(report, _)| report)
    }

    async fn report(&self, id: MessageId) -> Result<(MessageReport, LogIndex), ServiceError> {
        let group = id.group();
        if !(1..=self.facts.partitions).contains(&group.0) {
            return Err(missing(id));
        }
        let (report, applied) = self.read_at(group, |view| report_in(view, id)).await.map_err(reads_error)?;
        Ok((report?, applied))
    }

    /// Waits until a message's progress is no longer what `seen` says, at most `deadline`, and returns the message; as
    /// it is when the deadline passes.
    ///
    /// # Errors
    /// `NotFound` when there is none of that id.
    pub async fn watch_message(
        &self,
        id: MessageId,
        seen: &Progress,
        deadline: Duration,
    ) -> Result<MessageReport, ServiceError> {
        let started = self.clock.boot_time();
        loop {
            let (report, applied) = self.report(id).await?;
            let left = deadline.saturating_sub(self.clock.boot_time().since(started));
            if report.progress != *seen || left.is_zero() {
                return Ok(report);
            }
            match self.reads.applied_after(id.group(), applied, left).await {
                Ok(_) | Err(ReadsError::TooLate { .. }) => {}
                Err(error) => return Err(reads_error(error)),
            }
        }
    }

    /// Returns at most `limit` (1..=[`PAGE_MAX`]) events of a partition after number `after`; waits at most `deadline`
    /// for the first one.
    ///
    /// # Errors
    /// When the partition can't be read here.
    pub async fn events_after(
        &self,
        group: GroupId,
        after: u64,
        limit: usize,
        deadline: Duration,
    ) -> Result<EventPage, ServiceError> {
        let started = self.clock.boot_time();
        loop {
            let look = |view: &dyn View| ReadRows::<Events>::scan(view, &(after + 1), limit.clamp(1, PAGE_MAX));
            let (events, applied) = self.read_at(group, look).await.map_err(reads_error)?;
            let events = events?;
            let left = deadline.saturating_sub(self.clock.boot_time().since(started));
            if !events.is_empty() || left.is_zero() {
                let last = events.last().map_or(after, |(number, _)| *number);
                return Ok(EventPage { events, last });
            }
            match self.reads.applied_after(group, applied, left).await {
                Ok(_) | Err(ReadsError::TooLate { .. }) => {}
                Err(error) => return Err(reads_error(error)),
            }
        }
    }

    /// Returns at most [`PAGE_MAX`] held messages of an app.
    ///
    /// # Errors
    /// `NotFound` when there is no such app.
    pub async fn list_held(&self, app: AppId) -> Result<Vec<MessageReport>, ServiceError> {
        self.get_app(app).await?;
        let mut held = Vec::new();
        for group in GroupId::partitions(self.facts.partitions) {
            let limit = PAGE_MAX - held.len();
            let look = |view: &dyn View| Ok(ReadRows::<Held>::scan(view, &(app, MessageId(0)), limit)?);
            let rows = self.read(group, look).await?;
            for ((owner, message), ()) in rows {
                if owner == app {
                    held.push(self.get_message(message).await?);
                }
            }
        }
        Ok(held)
    }

    /// Decides what becomes of held messages; returns how many were held and changed.
    ///
    /// # Errors
    /// `Invalid` when there are none or over [`CHUNK_MAX`]; the log's errors.
    pub async fn resolve_held(&self, messages: Vec<MessageId>, resolution: Resolution) -> Result<u32, ServiceError> {
        if messages.is_empty() || messages.len() > CHUNK_MAX as usize {
            return Err(ServiceError::invalid("message_ids", format!("1 to {CHUNK_MAX} messages are allowed")));
        }
        let mut by_group: BTreeMap<GroupId, Vec<MessageId>> = BTreeMap::new();
        for message in messages {
            by_group.entry(message.group()).or_default().push(message);
        }
        let mut total = 0;
        for (group, messages) in by_group {
            match self.propose(group, Command::ResolveHeld { messages, resolution }).await? {
                Outcome::Recorded { changed } => total += changed,
                _ => return Err(unexpected("something else than a count")),
            }
        }
        Ok(total)
    }
}

fn report_in(view: &dyn View, id: MessageId) -> Result<MessageReport, ServiceError> {
    let message = ReadRows::<Messages>::get(view, &id)?;
    let progress = ReadRows::<ProgressOf>::get(view, &id)?;
    let (message, progress) = message.zip(progress).ok_or_else(|| missing(id))?;
    let mut events = Vec::with_capacity(progress.events.len());
    for event in &progress.events {
        events.extend(ReadRows::<Events>::get(view, &event.number)?);
    }
    Ok(MessageReport { message, progress, events })
}

fn missing(id: MessageId) -> ServiceError {
    ServiceError::new(ErrorCode::NotFound, format!("message {id} not found"))
}
