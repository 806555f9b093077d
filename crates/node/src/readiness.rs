//! Whether a node is ready to take requests, and if not, why.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::cluster::placement;
use model::id::{GroupId, NodeId};
use model::readiness::ReadyState;
use registry::tables::{AdoptedPlan, ReadRows};
use replication::{CONTACT_MAX, Replication};
use service::ports::{ClusterControl as _, GroupStatus, Reads as _};
use tokio_util::sync::CancellationToken;

/// How long one try to catch up may take.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);
/// How often a node looks at itself to tell the others whether it could send.
const TELL: Duration = Duration::from_millis(200);
/// How long to rest between two tries.
const CATCH_UP_REST: Duration = Duration::from_millis(50);

/// A node's readiness. Clones are the same.
#[derive(Clone)]
pub struct NodeReadiness {
    replication: Replication,
    node: NodeId,
    partitions: u16,
    /// Whether every replica here has caught up with its leader since the start: before that, reads could miss writes
    /// that this node itself acknowledged before it stopped.
    caught_up: Arc<AtomicBool>,
    leaving: CancellationToken,
}

impl NodeReadiness {
    pub(crate) fn new(replication: Replication, node: NodeId, partitions: u16) -> NodeReadiness {
        let caught_up = Arc::new(AtomicBool::new(false));
        NodeReadiness { replication, node, partitions, caught_up, leaving: CancellationToken::new() }
    }

    /// Lets each group of this node catch up once, and notes when all have.
    pub(crate) async fn catch_up(self) {
        for group in GroupId::all(self.partitions) {
            while self.replication.linearize(group, CATCH_UP_MAX).await.is_err() {
                tracing::debug!(%group, "replica has not caught up since the start");
                tokio::time::sleep(CATCH_UP_REST).await;
            }
        }
        self.caught_up.store(true, Ordering::Release);
    }

    /// Returns the token that is cancelled when the node begins to stop: from then on it isn't ready.
    pub fn leaving(&self) -> &CancellationToken {
        &self.leaving
    }

    /// Tells the other nodes what this one says of itself, until it is dropped.
    pub(crate) async fn tell(self) {
        let mut looks = tokio::time::interval(TELL);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            self.replication.tell_ready(self.state());
        }
    }

    /// Says whether the node could send what is routed to its region.
    fn state(&self) -> ReadyState {
        if let Err(reason) = self.in_order() {
            return ReadyState::Unable(reason);
        }
        match self.able() {
            Ok(()) => ReadyState::Ready,
            Err(reason) => ReadyState::Waiting(reason),
        }
    }

    /// Says whether the node is not about to stop, and a member of every group that is placed on it, each caught up
    /// once since the start and in contact with its leader, and each partition with a plan. That leadership moves, as
    /// it does while a node is restarted, is no reason to send callers elsewhere: they are answered once it has moved,
    /// and a group that stays without a leader is one without contact.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn ready(&self) -> Result<(), String> {
        self.in_order()?;
        self.replication.groups().into_iter().try_for_each(|group| self.group_ready(group))
    }

    /// Says whether nothing is wrong with the node itself, whatever the others do.
    fn in_order(&self) -> Result<(), String> {
        if self.leaving.is_cancelled() {
            return Err("the node is about to stop".to_owned());
        }
        if !self.caught_up.load(Ordering::Acquire) {
            return Err("not every group has caught up since the start".to_owned());
        }
        let members: BTreeSet<GroupId> = self.replication.groups().into_iter().collect();
        let nodes = self.replication.nodes();
        for group in GroupId::all(self.partitions) {
            let placed = placement(&nodes, group).values().any(|placed| *placed == self.node);
            if placed && !members.contains(&group) {
                return Err(format!("this node is no member of group {group} yet"));
            }
        }
        members.into_iter().try_for_each(|group| self.replica_in_order(group))
    }

    fn replica_in_order(&self, group: GroupId) -> Result<(), String> {
        if self.replication.is_doubtful(group) {
            return Err(format!("the replica of group {group} here differs from another one, and none agrees with it"));
        }
        if !self.replication.is_confirmed(group) {
            return Err(format!("the replica of group {group} here was not compared with another one yet"));
        }
        Ok(())
    }

    fn group_ready(&self, group: GroupId) -> Result<(), String> {
        if !self.replication.in_contact(group) {
            return Err(format!(
                "group {group}: no word of a majority, or none that reaches its leader, for {CONTACT_MAX:?}"
            ));
        }
        if group == GroupId::CONTROL {
            return Ok(());
        }
        let view = self.replication.view(group).map_err(|error| error.to_string())?;
        let plan = ReadRows::<AdoptedPlan>::get(&*view, &()).map_err(|error| error.to_string())?;
        plan.map(drop).ok_or_else(|| format!("group {group} has no traffic plan"))
    }

    /// Says whether the node is [ready](NodeReadiness::ready) and could send at once: each group has a leader now, and
    /// this node the send lease of every partition that it has a replica of.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn able(&self) -> Result<(), String> {
        self.ready()?;
        match self.replication.groups().into_iter().find(|group| self.replication.leader(*group).is_none()) {
            Some(group) => Err(format!("group {group} has no leader")),
            None => self.holds_leases(),
        }
    }

    fn holds_leases(&self) -> Result<(), String> {
        let groups = self.replication.status().groups;
        // A learner gets none (R14), and sends nothing.
        let holds = |status: &GroupStatus| status.lease_left.is_some() || !status.voters.contains(&self.node);
        let lacking = |status: &&GroupStatus| status.group != GroupId::CONTROL && !holds(status);
        match groups.iter().find(lacking) {
            Some(status) => Err(format!("the node holds no send lease of group {}", status.group)),
            None => Ok(()),
        }
    }
}
