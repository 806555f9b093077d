//! Who may speak to a node, what it may say, and who may become a member.

use model::Proposal;
use model::alarm::AlarmName;
use model::cluster::{NodeInfo, RegionKind};
use model::command::Command;
use model::id::{AppId, EndpointId, GroupId, NodeId, RegionId};
use proptest::prelude::*;
use registry::tables::{Apps, ReadRows};
use replication::Replication;
use service::ports::{ClusterControl, ClusterError, LogError, Reads, SendPermits};
use tonic::{Code, Status};
use wire::Stored as _;
use wire::peer::peer_client::PeerClient;
use wire::peer::{self, Attempt, ProposeRequest, SnapshotHeader, SnapshotPart, Vote, VoteRequest, snapshot_part};

use crate::support::said::Said;
use crate::support::{Cluster, GROUP, PARTITIONS, STRANGERS, create_app, eventually, links, propose};

/// A proposal that node `name` would have forwarded to the leader in its term.
fn forwarded(cluster: &Cluster, leader: NodeId, name: NodeId, proposals: Vec<Vec<u8>>) -> ProposeRequest {
    let status = cluster.node(leader).status();
    let term = status.groups.iter().find(|group| group.group == GroupId::CONTROL).unwrap().term;
    ProposeRequest {
        group: 0,
        proposals: proposals.into_iter().map(Into::into).collect(),
        fenced: false,
        deadline_ms: 1_000,
        attempt: Some(Attempt { node: name.0, incarnation: 99, term: Some(term.0), generation: 1 }),
    }
}

/// Requires that all replicas go on and are equal.
async fn lives(cluster: &Cluster, number: u128) {
    for id in cluster.running.keys() {
        propose(cluster.node(*id), GroupId::CONTROL, create_app(number * 100 + u128::from(id.0))).await.unwrap();
    }
    cluster.converge(GroupId::CONTROL).await;
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_applied_enters_no_log() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(GroupId::CONTROL).await;
    let from = cluster.followers(GroupId::CONTROL).await[0];
    let good = create_app(1).encoded();
    let unknown_version = Proposal { request: None, command: Command::SetApplyVersion { version: u32::MAX } }.encoded();
    let endpoint = EndpointId::from_stored("");
    let nameless = Proposal { request: None, command: Command::DeleteEndpoint { app: AppId(2), endpoint } };
    let mut client = PeerClient::new(cluster.calls(from, leader));
    for bad in [Vec::new(), vec![0xff], good[..good.len() - 1].to_vec(), unknown_version, nameless.encoded()] {
        for proposals in [vec![bad.clone()], vec![good.clone(), bad.clone()]] {
            let request = forwarded(&cluster, leader, from, proposals);
            let refused = client.propose(Said::of(&cluster, from, leader).on(request)).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidArgument, "{bad:?}: {refused}");
        }
    }
    for id in [leader, from] {
        let refused = propose(cluster.node(id), GroupId::CONTROL, nameless.clone()).await.unwrap_err();
        assert!(matches!(refused, LogError::Invalid { .. }), "{refused}");
    }
    // Those who ask at the same moment don't pay for it, wherever they ask.
    for id in [leader, from] {
        let node = cluster.node(id);
        let bad = propose(node, GroupId::CONTROL, nameless.clone());
        let good = futures::future::join_all(
            (0..8).map(|number| propose(node, GroupId::CONTROL, create_app(u128::from(id.0) * 1_000 + number))),
        );
        let (bad, good) = futures::join!(bad, good);
        assert!(matches!(bad, Err(LogError::Invalid { .. })), "{bad:?}");
        good.into_iter().for_each(|applied| drop(applied.unwrap()));
    }
    lives(&cluster, 1).await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever bytes somebody forwards, they are answered or refused, and no replica stops.
    #[test]
    fn garbage_stops_no_replica(
        garbage in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 1..20),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let cluster = Cluster::start().await;
            let leader = cluster.leader(GroupId::CONTROL).await;
            let from = cluster.followers(GroupId::CONTROL).await[0];
            let mut client = PeerClient::new(cluster.calls(from, leader));
            let changed = changes.into_iter().map(|(place, byte)| {
                let mut bytes = create_app(u128::MAX).encoded();
                let place = place.index(bytes.len());
                bytes[place] = byte;
                bytes
            });
            for bytes in garbage.into_iter().chain(changed) {
                let request = forwarded(&cluster, leader, from, vec![bytes]);
                let _ = client.propose(Said::of(&cluster, from, leader).on(request)).await;
            }
            lives(&cluster, 7).await;
        });
    }
}

/// Makes every kind of call that has an author, in the name of `name`; returns what each was answered.
async fn in_the_name_of(cluster: &Cluster, said: &Said, to: NodeId, name: NodeId) -> Vec<(&'static str, Status)> {
    let mut client = PeerClient::new(cluster.calls(NodeId(said.node), to));
    let vote = Some(Vote { term: 1_000, node: name.0, committed: false });
    let leads = Some(Vote { term: 1_000, node: name.0, committed: true });
    let ask = VoteRequest { group: 0, vote, last: None };
    let lease = peer::LeaseRequest { node: name.0, region: cluster.region(name).to_string(), ..Default::default() };
    let header = SnapshotHeader { vote: leads, id: "0".to_owned(), ..Default::default() };
    let header = SnapshotPart { part: Some(snapshot_part::Part::Header(header)) };
    let transfer = peer::TransferLeaderRequest { group: 0, from: leads, to: to.0, last: None };
    let append = peer::AppendRequest { group: 0, vote: leads, ..Default::default() };
    let mut marked = said.on(ask);
    marked.metadata_mut().insert("signalbox-leadership-transfer", "1".parse().unwrap());
    let mut refused = vec![
        ("vote", client.vote(said.on(ask)).await.err()),
        ("vote of a transfer", client.vote(marked).await.err()),
        ("pre-vote", client.pre_vote(said.on(ask)).await.err()),
        ("lease", client.lease(said.on(lease)).await.err()),
        ("propose", client.propose(said.on(forwarded(cluster, to, name, vec![create_app(5).encoded()]))).await.err()),
        ("snapshot", client.snapshot(said.on(futures::stream::iter([header]))).await.err()),
        ("transfer", client.transfer_leader(said.on(transfer)).await.err()),
        ("append", client.append(said.on(futures::stream::iter([append.clone()]))).await.err()),
    ];
    let heartbeat = client.heartbeat(said.on(peer::HeartbeatRequest { heartbeats: vec![append] })).await;
    refused.push((
        "heartbeat",
        match heartbeat {
            Err(status) => Some(status),
            Ok(reply) => match reply.into_inner().replies.remove(0).result {
                Some(peer::append_reply::Result::Failure(failure)) => Some(Status::permission_denied(failure)),
                _ => None,
            },
        },
    ));
    refused
        .into_iter()
        .map(|(call, status)| (call, status.unwrap_or_else(|| panic!("{call} was taken in the name of node {name}"))))
        .collect()
}

fn terms(node: &Replication) -> Vec<u64> {
    node.status().groups.iter().map(|group| group.term.0).collect()
}

#[tokio::test(start_paused = true)]
async fn nobody_speaks_in_anothers_name_or_for_another_cluster_or_to_the_wrong_node() {
    let cluster = Cluster::start().await;
    let [from, name] = cluster.followers(GroupId::CONTROL).await[..] else { panic!("two followers") };
    for to in [cluster.leader(GroupId::CONTROL).await, name] {
        let before = terms(cluster.node(to));
        let other_name = if to == name { NodeId(99) } else { name };
        let said = Said::of(&cluster, from, to);
        if to != name {
            for (call, status) in in_the_name_of(&cluster, &said, to, other_name).await {
                assert_eq!(status.code(), Code::PermissionDenied, "{call}: {status}");
            }
        }
        let strange = Said { cluster: STRANGERS.to_string(), ..said.clone() };
        let misled = Said { to: 77, ..said.clone() };
        for said in [strange, misled] {
            for (call, status) in in_the_name_of(&cluster, &said, to, from).await {
                assert_eq!(status.code(), Code::FailedPrecondition, "{call}: {status}");
            }
        }
        assert_eq!(terms(cluster.node(to)), before);
    }
    lives(&cluster, 1).await;
}

/// A request that says of itself that its sender was told to take over: late, of an election that came to nothing, or
/// of a node that nobody told.
#[tokio::test(start_paused = true)]
async fn a_mark_of_a_transfer_that_no_leader_began_says_nothing() {
    let cluster = Cluster::start().await;
    let leader = cluster.leader(GROUP).await;
    let followers = cluster.followers(GROUP).await;
    let holding = || cluster.ids().into_iter().filter(|id| cluster.node(*id).enter(GROUP).is_ok()).count();
    eventually("all nodes to hold the lease", || async { (holding() == 3).then_some(()) }).await;
    let term = |id| cluster.node(id).leads(GROUP).unwrap().0;
    let led = term(leader);
    let last = Some(peer::LogId { term: 1_000, node: followers[0].0, index: 1_000_000 });
    for asked in [0, led, led + 1, led + 7] {
        for to in [leader, followers[1]] {
            let vote = Some(Vote { term: asked, node: followers[0].0, committed: false });
            let ask = VoteRequest { group: u32::from(GROUP.0), vote, last };
            let mut marked = Said::of(&cluster, followers[0], to).on(ask);
            marked.metadata_mut().insert("signalbox-leadership-transfer", "1".parse().unwrap());
            let reply = PeerClient::new(cluster.calls(followers[0], to)).vote(marked).await.unwrap().into_inner();
            assert!(!reply.granted, "term {asked} from {to}");
        }
    }
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    assert_eq!(term(leader), led, "leadership moved");
    assert_eq!(holding(), 3, "somebody gets no lease any more");
}

#[tokio::test(start_paused = true)]
async fn a_node_of_another_cluster_at_a_known_address_is_no_member() {
    let mut cluster = Cluster::start().await;
    propose(cluster.node(NodeId(1)), GroupId::CONTROL, create_app(1)).await.unwrap();
    cluster.kill(NodeId(3)).await;
    cluster.wipe(NodeId(3));
    cluster.leader(GroupId::CONTROL).await;
    cluster.run_stranger(NodeId(3)).await;
    let before = (terms(cluster.node(NodeId(1))), terms(cluster.node(NodeId(2))));
    for number in 2..=40 {
        propose(cluster.node(NodeId(1)), GroupId::CONTROL, create_app(number)).await.unwrap();
        tokio::time::advance(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!((terms(cluster.node(NodeId(1))), terms(cluster.node(NodeId(2)))), before, "the terms rose");
    let strange = cluster.node(NodeId(3)).view(GroupId::CONTROL);
    let row = strange.ok().and_then(|view| ReadRows::<Apps>::get(&*view, &AppId(1)).unwrap());
    assert!(row.is_none(), "the stranger was given data");
    let told = |id: u64| {
        cluster.node(NodeId(id)).status().alarms.into_iter().any(|alarm| alarm.name == AlarmName::NodeRefused)
    };
    eventually("both to say what is wrong", || async { (told(1) && told(3)).then_some(()) }).await;
}

/// Requires that a node is refused as a member, and that nothing is known of it afterwards.
async fn refused(operator: &Replication, info: NodeInfo, because: &str) {
    let before = (operator.nodes(), operator.status().groups.len());
    match operator.add_node(info).await {
        Err(ClusterError::Refused(reason)) => assert!(reason.contains(because), "{because:?} is not in {reason:?}"),
        other => panic!("{other:?}, not refused because {because}"),
    }
    assert_eq!((operator.nodes(), operator.status().groups.len()), before, "it left a trace");
    for group in operator.status().groups {
        assert!(group.learners.is_empty(), "it left a learner");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_new_node_that_is_what_was_said_may_be_added() {
    let mut cluster = Cluster::stopped(5).await;
    let ids = cluster.ids();
    for id in &ids[..3] {
        cluster.run_among(*id, ids[..3].to_vec(), true).await;
    }
    let operator = cluster.node(NodeId(2)).clone();
    propose(&operator, GroupId::CONTROL, create_app(1)).await.unwrap();
    let fourth = cluster.info(NodeId(4));
    let at = |peer: String| NodeInfo { peer, ..fourth.clone() };
    refused(&operator, fourth.clone(), "doesn't answer").await;
    cluster.run_among(NodeId(4), ids[..4].to_vec(), false).await;
    refused(&operator, NodeInfo { id: NodeId(1), ..fourth.clone() }, "another number").await;
    refused(&operator, at(links::address(NodeId(1))), "an address of node 1").await;
    cluster.links.alias("elsewhere:1", NodeId(1));
    refused(&operator, at("elsewhere:1".to_owned()), "this is node 1").await;
    let region = RegionId::new("mars-1").unwrap();
    refused(&operator, NodeInfo { region, ..fourth.clone() }, "there is no region mars-1").await;
    let region = RegionId::new("eu-west-1").unwrap();
    refused(&operator, NodeInfo { region, ..fourth.clone() }, "is in region us-east-1").await;
    refused(&operator, NodeInfo { kind: RegionKind::Witness, ..fourth.clone() }, "must be of one kind").await;
    refused(&operator, cluster.info(NodeId(1)), "is a member already").await;
    refused(&operator, cluster.info(NodeId(2)), "is a member already").await;
    cluster.run_stranger(NodeId(5)).await;
    refused(&operator, cluster.info(NodeId(5)), "of cluster").await;

    operator.add_node(fourth.clone()).await.unwrap();
    operator.add_node(fourth.clone()).await.unwrap();
    assert!(operator.nodes().contains_key(&NodeId(4)));
    assert_eq!(operator.groups().len(), usize::from(PARTITIONS) + 1);

    // A region whose only node was removed is one still.
    operator.remove_node(NodeId(3)).await.unwrap();
    cluster.kill(NodeId(3)).await;
    cluster.wipe(NodeId(3));
    cluster.run_empty(NodeId(3), ids[..4].to_vec()).await;
    let third = cluster.info(NodeId(3));
    eventually("node 3 to be added", || async { operator.add_node(third.clone()).await.ok() }).await;
    operator.promote_node(NodeId(3)).await.unwrap();
}
