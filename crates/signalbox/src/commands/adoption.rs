//! Waiting until every partition goes by a new plan.

use std::time::Duration;

use tokio::time::Instant;
use wire::v1;

use crate::connection::Connection;
use crate::console::Console;
use crate::failure::Failure;
use crate::views::AdoptionView;

/// How often the plan is looked at while it is carried.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until every partition has adopted the plan `epoch` or a later one, and says how far it got; returns where each
/// partition stood at last.
///
/// # Errors
/// `Unfinished` when that takes longer than the connection's timeout; the cluster goes on carrying it.
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
            console.say(&format!("carried to {reached} of {all} partitions"))?;
            said = Some(reached);
        }
        if reached == all && all > 0 {
            return Ok(adoption.into_iter().map(AdoptionView::from).collect());
        }
        if Instant::now() >= deadline {
            return Err(Failure::Unfinished(format!(
                "plan {epoch} is committed, and after {:?} {reached} of {all} partitions go by it; the cluster goes \
                 on carrying it: look with `signalbox traffic plan`",
                connection.timeout()
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        adoption = connection.answer(connection.traffic().get_plan(v1::GetPlanRequest {})).await?.adoption;
    }
}
