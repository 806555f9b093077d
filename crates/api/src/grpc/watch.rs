//! Watching: a message's progress until it is settled, or an app's events without end. Each watch is bounded by what
//! its reader takes: the next update is read from the tables only when the last one went out.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::id::{AppId, GroupId, MessageId};
use service::panics::may_unwind;
use service::use_cases::MessageReport;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use wire::public::{parse_app_id, parse_message_id};
use wire::v1::{self, watch_request::What, watch_response::Update};

use super::error::GrpcError;
use super::state::GrpcApi;

/// How many updates wait for a slow reader.
const UPDATES_WAITING_MAX: usize = 64;
/// How many events are read from a group at a time.
const EVENTS_AT_A_TIME: usize = 100;
/// How long one wait for something new takes; a watch waits again and again.
const WAIT: Duration = Duration::from_secs(30);

/// The updates of a watch, in order; it ends with an error when the tables can't be read or the listener closes.
pub(super) type Updates = ReceiverStream<Result<v1::WatchResponse, Status>>;

/// One watch: its updates' way to the reader, and its place among the watches.
#[derive(Clone)]
struct Watch {
    api: Arc<GrpcApi>,
    updates: mpsc::Sender<Result<v1::WatchResponse, Status>>,
    _place: Arc<OwnedSemaphorePermit>,
}

/// Begins a watch. Refused with NOT_FOUND when there is no such message or app, with RESOURCE_EXHAUSTED when there are
/// too many watches.
pub(super) async fn watch(api: &Arc<GrpcApi>, request: v1::WatchRequest) -> Result<Updates, GrpcError> {
    let place = Arc::new(api.watch_place()?);
    let (updates, receiver) = mpsc::channel(UPDATES_WAITING_MAX);
    let watch = Watch { api: Arc::clone(api), updates, _place: place };
    match request.what {
        Some(What::MessageId(id)) => {
            let id = parse_message_id(&id, "message_id")?;
            let first = api.service.get_message(id).await?;
            tokio::spawn(may_unwind(async move { watch.run(watch.message(id, first)).await }));
        }
        Some(What::App(app)) => {
            let id = parse_app_id(&app.app_id, "app.app_id")?;
            api.service.get_app(id).await?;
            let partitions = api.service.facts().partitions;
            for (group, after) in cursors(partitions, &app.after)? {
                let watch = watch.clone();
                tokio::spawn(may_unwind(async move { watch.run(watch.events(id, group, after)).await }));
            }
        }
        None => return Err(GrpcError::invalid("what", "is required")),
    }
    Ok(ReceiverStream::new(receiver))
}

/// Names where to begin in each partition.
fn cursors(partitions: u16, after: &BTreeMap<u32, u64>) -> Result<BTreeMap<GroupId, u64>, GrpcError> {
    let mut cursors: BTreeMap<GroupId, u64> = GroupId::partitions(partitions).map(|group| (group, 0)).collect();
    for (group, sequence) in after {
        let known = u16::try_from(*group).ok().and_then(|group| cursors.get_mut(&GroupId(group)));
        match known {
            Some(cursor) => *cursor = *sequence,
            None => {
                let text = format!("{group} is not a partition; partitions are 1 to {partitions}");
                return Err(GrpcError::invalid("app.after", &text));
            }
        }
    }
    Ok(cursors)
}

impl Watch {
    /// Runs until the watch ends by itself, its reader goes away or the listener closes.
    async fn run(&self, watching: impl Future<Output = Result<(), GrpcError>>) {
        let end = tokio::select! {
            end = watching => end,
            () = self.updates.closed() => return,
            () = self.api.closing.cancelled() => {
                let closing = service::ServiceError::new(service::ErrorCode::Unavailable, "the node is stopping");
                Err(closing.into())
            }
        };
        if let Err(error) = end {
            // A full queue means a reader that takes nothing: it finds the stream ended without the reason.
            let _ = self.updates.try_send(Err(error.into()));
        }
    }

    async fn message(&self, id: MessageId, first: MessageReport) -> Result<(), GrpcError> {
        let mut progress = first.progress;
        loop {
            self.put(Update::Progress(progress.clone().into())).await;
            if progress.status.is_final() {
                return Ok(());
            }
            let seen = progress.clone();
            while progress == seen {
                progress = self.api.service.watch_message(id, &seen, WAIT).await?.progress;
            }
        }
    }

    async fn events(&self, app: AppId, group: GroupId, mut after: u64) -> Result<(), GrpcError> {
        loop {
            let page = self.api.service.events_after(group, after, EVENTS_AT_A_TIME, WAIT).await?;
            for (number, event) in page.events {
                if event.app == app {
                    self.put(Update::Event((number, event).into())).await;
                }
            }
            after = page.last;
        }
    }

    /// Waits until the reader has room. A reader that went away ends the watch in [`Watch::run`].
    async fn put(&self, update: Update) {
        let _ = self.updates.send(Ok(v1::WatchResponse { update: Some(update) })).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_are_not_named_begin_with_their_oldest_event() {
        let begin = cursors(3, &BTreeMap::from([(2, 7)])).unwrap();
        assert_eq!(begin, BTreeMap::from([(GroupId(1), 0), (GroupId(2), 7), (GroupId(3), 0)]));
        for bad in [0, 4, 70_000] {
            assert!(cursors(3, &BTreeMap::from([(bad, 1)])).is_err(), "{bad}");
        }
    }
}
