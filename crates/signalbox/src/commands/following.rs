//! Following messages until they are settled.

use futures::StreamExt;
use futures::stream::{BoxStream, SelectAll};
use wire::v1;
use wire::v1::watch_request::What;
use wire::v1::watch_response::Update;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::views::UpdateView;

/// Shows the messages' progress until all are settled; returns how many ended otherwise than delivered.
///
/// # Errors
/// When the connection breaks, the updates end before every message is settled, or the output can't be written.
pub async fn follow(
    connection: &Connection,
    console: &mut Console<'_>,
    message_ids: Vec<String>,
) -> Result<usize, Failure> {
    let mut open = message_ids.len();
    let mut undelivered = 0;
    let mut updates = SelectAll::new();
    for message_id in message_ids {
        updates.push(progress_of(connection, message_id).await?);
    }
    while open > 0 {
        let Some((message_id, progress)) = updates.next().await.transpose()? else {
            return Err(Failure::Unfinished(format!(
                "the updates ended before every message was settled; not settled: {open}"
            )));
        };
        let status = v1::Status::try_from(progress.status).unwrap_or_default();
        console.show_one(&UpdateView::new(message_id, progress))?;
        match status {
            v1::Status::Delivered => open -= 1,
            v1::Status::Failed | v1::Status::OptedOut | v1::Status::Expired => {
                open -= 1;
                undelivered += 1;
            }
            v1::Status::Waiting | v1::Status::Held | v1::Status::Unspecified => {}
        }
    }
    Ok(undelivered)
}

type ProgressUpdate = Result<(String, v1::Progress), Failure>;

/// Returns a message's progress now and at each change.
async fn progress_of(
    connection: &Connection,
    message_id: String,
) -> Result<BoxStream<'static, ProgressUpdate>, Failure> {
    let request = v1::WatchRequest { what: Some(What::MessageId(message_id.clone())) };
    let answers = connection.answer(connection.messages_without_end().watch(request)).await?;
    let connection = connection.clone();
    let updates = answers.filter_map(move |answer| {
        let update = match answer {
            Ok(v1::WatchResponse { update: Some(Update::Progress(progress)) }) => {
                Some(Ok((message_id.clone(), progress)))
            }
            Ok(_) => None,
            Err(status) => Some(Err(connection.failure(&status))),
        };
        std::future::ready(update)
    });
    Ok(updates.boxed())
}
