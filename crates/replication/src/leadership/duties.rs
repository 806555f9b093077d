//! Runs the duties of leaders: while this node leads a group, its duties look at the group's state, and what they wish
//! is proposed. They begin with the leadership and end with it.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use model::command::{Command, Proposal};
use model::id::GroupId;
use service::duties::{Acknowledgement, Duty, Now, Wish};
use service::ports::{Applied, BoxFuture, LogError};
use tokio::time::Instant;

use crate::leadership::takeover;
use crate::node::group::Group;
use crate::node::shared::Node;
use crate::proposals::propose::propose;
use crate::proposals::tries::Wanted;

/// How long a duty's proposal may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// The least time between two looks of a duty, however fast entries are applied.
const LOOK_MIN: Duration = Duration::from_millis(5);
/// How soon to look again when the group's time isn't known yet.
const LOOK_TIME: Duration = Duration::from_millis(100);
/// The longest time between two looks.
const LOOK_MAX: Duration = Duration::from_secs(60);
/// The most proposals of one duty that are under way.
const UNDER_WAY_MAX: usize = 64;

/// Makes the duties of a group's leader; called at each beginning of a leadership.
pub type DutyFactory = Arc<dyn Fn(GroupId) -> Vec<Box<dyn Duty>> + Send + Sync>;

/// Runs a group's duties whenever this node leads it, until the node stops.
pub(crate) async fn run(node: Arc<Node>, group: Arc<Group>, factory: DutyFactory) {
    let mut leadership = group.leadership.subscribe();
    loop {
        let leader = *leadership.borrow_and_update();
        if leader.is_none() {
            if leadership.changed().await.is_err() {
                return;
            }
            continue;
        }
        let duties = factory(group.id).into_iter().map(|duty| drive(node.clone(), group.clone(), duty));
        tokio::select! {
            biased;
            ended = leadership.wait_for(|now| *now != leader) => if ended.is_err() { return },
            _ = futures::future::join_all(duties) => return,
        }
    }
}

/// Drives one duty for as long as it is polled; ends when the node must stop.
async fn drive(node: Arc<Node>, group: Arc<Group>, mut duty: Box<dyn Duty>) {
    let mut applied = group.announcer.watch();
    let mut answers: FuturesUnordered<BoxFuture<'static, (u64, Result<Applied, LogError>)>> = FuturesUnordered::new();
    loop {
        applied.borrow_and_update();
        let Some(now) = now(&node, &group) else {
            tokio::time::sleep(LOOK_TIME).await;
            continue;
        };
        let step = match duty.step(now, &*node.state.view(group.id)) {
            Ok(step) => step,
            Err(error) => {
                node.fatal.report(format!("the duty {} of group {} can't go on: {error}", duty.name(), group.id));
                return;
            }
        };
        for wish in step.wishes {
            metrics::counter!("signalbox_duty_wishes_total", "duty" => duty.name()).increment(1);
            answers.push(Box::pin(fulfil(node.clone(), group.clone(), wish)));
        }
        let earliest = Instant::now() + LOOK_MIN;
        let again = Instant::now() + step.again.unwrap_or(LOOK_MAX).clamp(LOOK_MIN, LOOK_MAX);
        tokio::select! {
            biased;
            Some((tag, answer)) = answers.next(), if !answers.is_empty() => {
                duty.answered(Now { boot_time: node.now(), ..now }, tag, &answer);
            }
            changed = applied.changed(), if answers.len() < UNDER_WAY_MAX => if changed.is_err() { return },
            () = tokio::time::sleep_until(again) => {}
        }
        tokio::time::sleep_until(earliest).await;
    }
}

fn now(node: &Node, group: &Group) -> Option<Now> {
    Some(Now { boot_time: node.now(), time: group.time.now()? })
}

/// Proposes what a duty wishes. A takeover is bound to this leadership, because its ground is what this leader knows of
/// leases (R11).
async fn fulfil(node: Arc<Node>, group: Arc<Group>, wish: Wish) -> (u64, Result<Applied, LogError>) {
    let proposals: Vec<Proposal> =
        wish.commands.into_iter().map(|command| Proposal { request: None, command }).collect();
    let takes_over = proposals.iter().find_map(|proposal| match &proposal.command {
        Command::Takeover { region, epoch, .. } => Some((region.clone(), *epoch)),
        _ => None,
    });
    let answer = match takes_over {
        Some((region, epoch)) => takeover::propose(&node, &group, takeover::Ground { region, epoch }, proposals).await,
        None => {
            let fenced = wish.acknowledgement == Acknowledgement::Fenced;
            propose(&node, Wanted { group: wish.group, fenced, deadline: DEADLINE }, proposals).await
        }
    };
    (wish.tag, answer)
}
