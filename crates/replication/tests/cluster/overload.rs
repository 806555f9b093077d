//! More than a node can take.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Proposal;
use model::command::Command;
use model::id::GroupId;
use replication::{ENTRY_BYTES_MAX, QUEUE_BYTES_MAX};
use service::ports::{LogError, ReplicatedLog};

use crate::support::{Cluster, create_app, propose};

/// A proposal that fills most of an entry.
fn large(number: u128) -> Proposal {
    let name = "n".repeat(ENTRY_BYTES_MAX * 9 / 10);
    let command = Command::CreateApp { app: model::AppId(number), name, tags: BTreeMap::new() };
    Proposal { request: None, command }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_until_it_has_room() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(GroupId::CONTROL).await;
    let node = cluster.node(leader).clone();
    // Nothing can be committed, so nothing leaves the queue.
    cluster.links.isolate(leader);
    let offered = (QUEUE_BYTES_MAX / ENTRY_BYTES_MAX * 2) as u128;
    let answers = (0..offered).map(|number| {
        let node = node.clone();
        async move { node.propose(GroupId::CONTROL, vec![large(number)], Duration::from_millis(200)).await }
    });
    let answers = futures::future::join_all(answers).await;
    let refused = answers.iter().filter(|answer| matches!(answer, Err(LogError::Overloaded { .. }))).count();
    assert!(refused > answers.len() / 3, "{refused} of {} were refused", answers.len());
    assert!(refused < answers.len(), "some were taken");

    cluster.links.heal();
    propose(&node, GroupId::CONTROL, create_app(offered)).await.unwrap();
}
