//! A forwarded proposal whose sender believes it lost, and which the network delivers much later.

use model::Proposal;
use model::app::ChannelDetail;
use model::channel::Channel;
use model::command::Command;
use model::id::{AppId, GroupId};
use registry::tables::{Channels, ReadRows};
use service::ports::{ClusterControl, Reads};

use crate::support::{Cluster, create_app, eventually, propose};

pub const APP: u128 = 1;

/// Changes a channel; there is no request id by which a second copy would be known.
pub fn put_channel(enabled: bool, mark: &str) -> Proposal {
    let command = Command::PutChannel {
        app: AppId(APP),
        channel: Channel::Sms,
        enabled: Some(enabled),
        class: None,
        detail: ChannelDetail::Sms { sender_id: Some(mark.to_owned()), short_code: None, default_country: None },
    };
    Proposal { request: None, command }
}

/// Has a follower propose something that is held on its way to the leader, tried again and acknowledged.
async fn retried(cluster: &Cluster, mark: &str) -> (model::NodeId, model::NodeId) {
    let group = GroupId::CONTROL;
    let leader = cluster.leader(group).await;
    let asked = cluster.followers(group).await[0];
    propose(cluster.node(asked), group, create_app(APP)).await.unwrap();
    cluster.links.hold(asked, leader);
    let node = cluster.node(asked).clone();
    let proposed = {
        let mark = mark.to_owned();
        tokio::spawn(async move { propose(&node, group, put_channel(true, &mark)).await })
    };
    eventually("the proposal to be on its way", || async { cluster.links.holds_bytes(mark.as_bytes()).then_some(()) })
        .await;
    cluster.links.lose_held();
    proposed.await.unwrap().unwrap();
    (leader, asked)
}

/// Says whether the channel is enabled at a node, if it is there.
pub fn enabled(cluster: &Cluster, node: model::NodeId) -> Option<bool> {
    let view = cluster.node(node).view(GroupId::CONTROL).unwrap();
    ReadRows::<Channels>::get(&*view, &(AppId(APP), Channel::Sms)).unwrap().map(|settings| settings.enabled)
}

#[tokio::test(start_paused = true)]
async fn a_late_copy_undoes_nothing_that_was_acknowledged_since() {
    let cluster = Cluster::start().await;
    let (leader, asked) = retried(&cluster, "LATECOPY").await;
    assert_eq!(enabled(&cluster, asked), Some(true));
    propose(cluster.node(leader), GroupId::CONTROL, put_channel(false, "SINCE")).await.unwrap();
    assert!(cluster.links.deliver_held().await > 0);
    // Whatever the late copy was written as is applied before this is.
    propose(cluster.node(leader), GroupId::CONTROL, create_app(2)).await.unwrap();
    assert_eq!(enabled(&cluster, leader), Some(false), "an old copy was begun after what was acknowledged");
}

#[tokio::test(start_paused = true)]
async fn a_late_copy_undoes_nothing_under_a_later_tenure_of_the_same_leader() {
    let cluster = Cluster::start().await;
    let (leader, asked) = retried(&cluster, "LATECOPY").await;
    for heir in [asked, leader] {
        let node = cluster.node(heir);
        eventually("a transfer", || async { node.transfer_leader(GroupId::CONTROL, heir).await.ok() }).await;
        eventually("the heir to lead", || async { (cluster.leader(GroupId::CONTROL).await == heir).then_some(()) })
            .await;
    }
    propose(cluster.node(leader), GroupId::CONTROL, put_channel(false, "SINCE")).await.unwrap();
    assert!(cluster.links.deliver_held().await > 0);
    propose(cluster.node(leader), GroupId::CONTROL, create_app(2)).await.unwrap();
    assert_eq!(enabled(&cluster, leader), Some(false), "an old copy was begun after what was acknowledged");
}

#[tokio::test(start_paused = true)]
async fn a_silent_leader_is_given_up_for_the_next_one() {
    let cluster = Cluster::start().await;
    let group = GroupId::CONTROL;
    let (leader, followers) = (cluster.leader(group).await, cluster.followers(group).await);
    let asked = followers[0];
    propose(cluster.node(asked), group, create_app(APP)).await.unwrap();
    for follower in followers {
        cluster.links.hold(leader, follower);
        cluster.links.hold(follower, leader);
    }
    propose(cluster.node(asked), group, create_app(2)).await.unwrap();
    assert!(cluster.links.holds_bytes(b"app 2"), "the first try was sent to the silent leader");
    assert!(!cluster.links.gave_up(asked, leader), "it waited until the connection was found to be dead");
}
