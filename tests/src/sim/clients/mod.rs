//! The clients of a run. Each node of a serving region has a `writer`, which writes and reads endpoints, and a few
//! `sender`s of messages, which also opt `recipients` out and in and now and then change the `plans`; where more goes
//! wrong than lines, also a `keeper` of what is made and deleted; where nodes are upgraded, an `operator`; where the
//! members change, one who changes the `members`. They use their node's use cases (`client`) and note what they were
//! told.

mod client;
mod flood;
mod keeper;
mod members;
mod messages;
mod operator;
mod plans;
mod recipients;
mod sender;
mod writer;

use std::collections::BTreeSet;
use std::sync::Arc;

use node::RunningNode;
use tokio::task::JoinSet;

pub use writer::number_of;

use super::cluster::Cluster;
use super::layout::name;
use super::settings::{Scene, Settings};
use client::Client;

/// How many senders of messages each node has.
const SENDERS: u64 = 2;

/// Sets the clients of a node going. A client that is cut off by a crash is another client's concern after the restart.
pub fn spawn(cluster: &Arc<Cluster>, node: &RunningNode, tasks: &mut JoinSet<String>) {
    let client = || Client {
        cluster: cluster.clone(),
        service: node.service.clone(),
        reads: Arc::new(node.replication.clone()),
        log: Arc::new(node.replication.clone()),
        control: node.replication.clone(),
        readiness: node.readiness.clone(),
        random: cluster.random(),
    };
    tasks.spawn(client().write());
    for number in 1..=SENDERS {
        tasks.spawn(client().send(number));
    }
    if !cluster.settings.is_calm() {
        tasks.spawn(client().keep());
    }
    if cluster.settings.scene == Scene::Overload {
        tasks.spawn(client().flood());
    }
    if cluster.settings.layout.operator() == Some(node.service.facts().node) {
        tasks.spawn(client().change_members());
    }
    if cluster.builds.are_upgraded() {
        tasks.spawn(client().operate());
    }
}

/// Returns the names of all clients.
pub fn names(settings: &Settings) -> BTreeSet<String> {
    let keeper = (!settings.is_calm()).then(|| "keeper".to_owned());
    let senders = (1..=SENDERS).map(|number| format!("sender {number}"));
    let operator = (settings.scene == Scene::Upgrade).then(|| "operator".to_owned());
    let flood = (settings.scene == Scene::Overload).then(|| "flood".to_owned());
    let others = keeper.into_iter().chain(operator).chain(flood);
    let roles: Vec<String> = senders.chain(["writer".to_owned()]).chain(others).collect();
    let of_node = |node| roles.iter().map(move |role| format!("{role} of {}", name(node)));
    let changes = settings.layout.operator().map(|node| format!("operator of {}", name(node)));
    let stay = settings.layout.serving().filter(|node| !settings.layout.changes(*node));
    stay.flat_map(of_node).chain(changes).collect()
}
