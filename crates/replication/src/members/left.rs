//! A replica whose node is no member any more and doesn't know it: a leader sends nothing to whoever a change of the
//! members leaves out, the change itself neither. Such a replica stands for election for ever; those whom it asks for
//! their votes tell what membership they go by. It touches nothing of Raft, which counts that node's vote no more.

use std::sync::{Mutex, PoisonError};

use model::id::NodeId;

use crate::raft::type_config::{LogId, StoredMembership};

/// The newest membership that others told of and that leaves this node out.
#[derive(Default)]
pub(crate) struct LeftOut(Mutex<Option<LogId>>);

impl LeftOut {
    /// Takes note of the membership that another member goes by. Says whether that is news.
    pub(crate) fn told(&self, own: NodeId, membership: &StoredMembership) -> bool {
        let (Some(log_id), None) = (membership.log_id(), membership.membership().get_node(&own.0)) else {
            return false;
        };
        let mut newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let news = newest.is_none_or(|newest| newest < *log_id);
        if news {
            *newest = Some(*log_id);
        }
        news
    }

    /// Says whether a membership has been followed by one that leaves this node out. Once the node is added again, what
    /// its own log has is newer.
    pub(crate) fn since(&self, membership: Option<&LogId>) -> bool {
        let newest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        newest.is_some_and(|newest| membership.is_none_or(|own| *own < newest))
    }
}
