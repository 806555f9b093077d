//! Waiting until every partition has adopted a new plan.

use std::time::Duration;

use tokio::time::Instant;
use wire::v1;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::views::AdoptionView;

/// How often the adoption is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until every partition has adopted the plan `epoch` or a later one, and says how many have; returns what each
/// partition has adopted at last.
///
/// # Errors
/// `Unfinished` when that takes longer than the connection's timeout; the other partitions still adopt it.
pub async fn wait_until_adopted(
    connection: &Connection,
    console: &mut Console<'_>,
    epoch: u64,
    mut adoption: Vec<v1::Adoption>,
) -> Result<Vec<AdoptionView>, Failure> {
    let deadline = Instant::now() + connection.timeout();
    let mut said = None;
    loop {
        let reached = adoption.iter().filter(|adoption| adoption.epoch >= epoch).count();
        let all = adoption.len();
        if said != Some(reached) {
            console.say(&format!("adopted by {reached} of {all} partitions"))?;
            said = Some(reached);
        }
        if reached == all && all > 0 {
            return Ok(adoption.into_iter().map(AdoptionView::from).collect());
        }
        if Instant::now() >= deadline {
            return Err(Failure::Unfinished(format!(
                "plan {epoch} is committed, but after {:?} only {reached} of {all} partitions have adopted it; the \
                 others will: check with `signalbox traffic plan`",
                connection.timeout()
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        adoption = connection.answer(connection.traffic().get_plan(v1::GetPlanRequest {})).await?.adoption;
    }
}
