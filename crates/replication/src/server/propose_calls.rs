//! Proposals that another node forwarded to this one as the leader. They are decoded and checked before they are
//! queued: what can't be applied never enters a log, because every replica would stop at it, for good.

use std::time::Duration;

use tokio::time::Instant;
use tonic::Status;
use wire::Stored as _;
use wire::peer::propose_reply::Result as Reply;
use wire::peer::{Applied, NotLeader, ProposeReply, ProposeRequest};

use crate::node::shared::Node;
use crate::proposals::batch::ENTRY_BYTES_MAX;
use crate::proposals::submission::{Failed, Origin, Wish};
use crate::raft::codec;
use crate::server::callers::Caller;

/// The longest time that a forwarded proposal is worked at, whatever its sender says.
const DEADLINE_MAX: Duration = Duration::from_secs(60);

/// Proposes and answers; never forwards again.
pub(crate) async fn answer(node: &Node, caller: &Caller, request: ProposeRequest) -> Result<ProposeReply, Status> {
    let group = codec::group(request.group).map_err(|error| Status::invalid_argument(error.to_string()))?;
    let hosted = node.group(group).map(|_| group).and_then(|group| node.proposer(group));
    let Some(proposer) = hosted else {
        return Ok(reply(Reply::NotLeader(NotLeader::default())));
    };
    let size: usize = request.proposals.iter().map(|bytes| wire::entry::proposal_len(bytes.len())).sum();
    if size > ENTRY_BYTES_MAX {
        return Err(Status::invalid_argument(format!("{size} bytes of proposals, {ENTRY_BYTES_MAX} are allowed")));
    }
    let due = Instant::now() + Duration::from_millis(request.deadline_ms).min(DEADLINE_MAX);
    let attempt = request.attempt.ok_or_else(|| Status::invalid_argument("attempt is missing"))?;
    caller.is(attempt.node)?;
    let origin = Origin::Forwarded(codec::attempt_in(&attempt));
    let wish = Wish { fenced: request.fenced, origin, refusable: false, due };
    let result = match proposer.submit(request.proposals, wish).await {
        Ok(done) => Reply::Applied(Applied {
            index: done.index.0,
            outcomes: done.outcomes.iter().map(|outcome| outcome.encoded().into()).collect(),
        }),
        Err(Failed::NotLeader(leader)) => Reply::NotLeader(codec::not_leader_out(leader)),
        Err(Failed::Stopping) => Reply::NotLeader(NotLeader::default()),
        Err(Failed::Overloaded(retry)) => {
            Reply::OverloadedRetryMs(u64::try_from(retry.as_millis()).unwrap_or(u64::MAX))
        }
        Err(Failed::Invalid(reason)) => return Err(Status::invalid_argument(reason)),
        Err(Failed::Unfenced(_)) => Reply::Unknown("not every holder was fenced in this leadership".to_owned()),
        Err(Failed::Unknown(reason) | Failed::Broken(reason)) => Reply::Unknown(reason),
    };
    Ok(reply(result))
}

fn reply(result: Reply) -> ProposeReply {
    ProposeReply { result: Some(result) }
}
