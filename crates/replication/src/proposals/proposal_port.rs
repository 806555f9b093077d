//! The port `ReplicatedLog`: proposals in, answers out.

use std::time::Duration;

use model::command::Proposal;
use model::id::GroupId;
use service::ports::{Applied, BoxFuture, LogError, ReplicatedLog};

use crate::Replication;
use crate::proposals::propose::propose;
use crate::proposals::tries::Wanted;

impl ReplicatedLog for Replication {
    fn propose(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        Box::pin(propose(self.node(), Wanted { group, fenced: false, deadline }, proposals))
    }

    fn propose_fenced(
        &self,
        group: GroupId,
        proposals: Vec<Proposal>,
        deadline: Duration,
    ) -> BoxFuture<'_, Result<Applied, LogError>> {
        Box::pin(propose(self.node(), Wanted { group, fenced: true, deadline }, proposals))
    }
}
