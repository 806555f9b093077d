//! Many proposals that wait for a fence, as opt-outs do while a holder can't be reached: what waits for nobody goes on.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use model::body::BodyContent;
use model::channel::Channel;
use model::command::{AcceptMessages, Command, Proposal};
use model::content::{Content, Purpose, SmsRegistration};
use model::id::{AppId, BodyId, Epoch, NodeId};
use registry::tables::{Meta, ReadRows};
use service::ports::{Applied, LogError, Permit, Reads, ReplicatedLog, SendPermits};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::support::{Cluster, GROUP, SOON, adopt_plan, eventually};

/// How long a proposal takes that waits for nobody; far less than any lease.
const AT_ONCE: Duration = Duration::from_millis(100);
/// More batches than are under way at once.
const MANY: u64 = 48;

/// A cluster where a holder isn't fenced, for about 1.6 s: D/2 until it isn't renewed any more, and W.
struct Fencing {
    cluster: Cluster,
    leader: NodeId,
    follower: NodeId,
    slow: NodeId,
}

impl Fencing {
    async fn start() -> Fencing {
        let cluster = Cluster::start().await;
        cluster.balanced().await;
        eventually("all nodes to hold the lease", || async {
            cluster.running.values().all(|running| running.replication.enter(GROUP).is_ok()).then_some(())
        })
        .await;
        let (leader, followers) = (cluster.leader(GROUP).await, cluster.followers(GROUP).await);
        Fencing { leader, follower: followers[0], slow: followers[1], cluster }
    }

    /// Keeps one node in its critical section: it can't be fenced.
    fn permit(&self) -> Box<dyn Permit + '_> {
        self.cluster.node(self.slow).enter(GROUP).unwrap()
    }

    /// Proposes something that forbids sending, again and again, so that each is a batch of its own.
    async fn propose_fenced(&self, at: NodeId, count: u64) -> Vec<JoinHandle<Result<Applied, LogError>>> {
        let mut proposed = Vec::new();
        for epoch in 1..=count {
            let node = self.cluster.node(at).clone();
            proposed.push(tokio::spawn(async move { node.propose_fenced(GROUP, vec![adopt_plan(epoch)], SOON).await }));
            tokio::time::sleep(Duration::from_millis(21)).await;
        }
        proposed
    }

    async fn propose(&self, at: NodeId, proposal: Proposal) -> Result<Applied, LogError> {
        self.cluster.node(at).propose(GROUP, vec![proposal], SOON).await
    }
}

/// Ends work, and is never refused.
fn settle() -> Proposal {
    let region = model::RegionId::new("us-east-1").unwrap();
    Proposal { request: None, command: Command::Settle { region, results: Vec::new() } }
}

/// Is refused while the group is slow.
pub fn new_work() -> Proposal {
    let text = "hi".to_owned();
    let accept = AcceptMessages {
        app: AppId(1),
        channel: Channel::Sms,
        body: BodyId(1),
        content: BodyContent::Whole(Content::Sms {
            text,
            purpose: Purpose::Transactional,
            origination_number: None,
            sender_id: None,
            registration: SmsRegistration::default(),
        }),
        substitutions: BTreeMap::new(),
        class: None,
        time_to_live_ms: 1,
        context: BTreeMap::new(),
        trace: None,
        recipients: Vec::new(),
    };
    let command = Command::AcceptMessages(Box::new(accept));
    assert!(command.is_new_work());
    Proposal { request: None, command }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_fences_keeps_nothing_else_waiting() {
    let fencing = Fencing::start().await;
    for at in [fencing.follower, fencing.leader] {
        let permit = fencing.permit();
        let proposed = fencing.propose_fenced(at, MANY).await;
        let started = Instant::now();
        fencing.propose(at, settle()).await.unwrap();
        assert!(started.elapsed() < AT_ONCE, "{:?} at node {at}", started.elapsed());
        assert!(!proposed.iter().any(JoinHandle::is_finished), "they still wait");
        drop(permit);
        for one in proposed {
            one.await.unwrap().unwrap();
        }
        eventually("the lease", || async { fencing.cluster.node(fencing.slow).enter(GROUP).ok().map(drop) }).await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_lost_and_found_again_waits_for_the_fence() {
    let fencing = Fencing::start().await;
    let Fencing { cluster, leader, follower, .. } = &fencing;
    let permit = fencing.permit();
    cluster.links.mute(*follower, *leader);
    let proposed = fencing.propose_fenced(*follower, 1).await;
    let epoch = |id| ReadRows::<Meta>::get(&*cluster.node(id).view(GROUP).unwrap(), &()).unwrap().unwrap().epoch;
    eventually("the plan to be adopted", || async { (epoch(*follower) == Epoch(1)).then_some(()) }).await;
    cluster.links.lose_answers();
    tokio::time::sleep(AT_ONCE * 5).await;
    assert!(!proposed.iter().any(JoinHandle::is_finished), "a holder is not fenced");
    drop(permit);
    for one in proposed {
        one.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn waiting_for_fences_is_not_slowness() {
    let fencing = Fencing::start().await;
    let permit = fencing.permit();
    // All of them wait for more than a second.
    let proposed = fencing.propose_fenced(fencing.follower, MANY / 4).await;
    for one in proposed {
        one.await.unwrap().unwrap();
    }
    drop(permit);
    let (one, other) =
        futures::join!(fencing.propose(fencing.follower, new_work()), fencing.propose(fencing.follower, new_work()));
    one.unwrap();
    other.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_slow_takes_new_work_beside_fences() {
    let fencing = Fencing::start().await;
    for at in [fencing.follower, fencing.leader] {
        fencing.cluster.syncs_take(Duration::from_secs(2));
        for _ in 0..12 {
            fencing.propose(at, settle()).await.unwrap();
        }
        fencing.cluster.syncs_take(Duration::ZERO);
        eventually("the lease", || async { fencing.cluster.node(fencing.slow).enter(GROUP).ok().map(drop) }).await;
        let _permit = fencing.permit();
        let _proposed = fencing.propose_fenced(at, 1).await;
        fencing.propose(at, new_work()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn as_many_as_may_wait_for_fences_leave_room_for_the_rest() {
    let fencing = Fencing::start().await;
    let _permit = fencing.permit();
    let node = fencing.cluster.node(fencing.follower);
    let offered = replication::FENCED_LEN_MAX as u64 * 2;
    let fenced = join_all((0..offered).map(|_| node.propose_fenced(GROUP, vec![settle()], SOON)));
    let fenced = tokio::time::timeout(AT_ONCE, fenced);
    let plain = async {
        tokio::time::sleep(AT_ONCE / 2).await;
        let started = Instant::now();
        fencing.propose(fencing.follower, settle()).await.map(|_| started.elapsed())
    };
    let (_, plain) = futures::join!(fenced, plain);
    assert!(plain.unwrap() < AT_ONCE);
}
