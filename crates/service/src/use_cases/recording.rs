//! Recording what providers tell.
//!
//! In flow the commands of a callback, cut into chunks by [`chunks`]; out flow acknowledgements. What must always hold:
//! what one callback puts into the logs at a time is bounded by [`RECORD_WORK_MAX`], whatever it causes in all, so that
//! other traffic goes between its chunks; and the commands of a group are applied in their order.

use std::collections::BTreeMap;

use model::command::{Command, Proposal};
use model::id::GroupId;
use model::outcome::Outcome;

use super::{FENCED_DEADLINE, REQUEST_DEADLINE, Service};
use crate::error::ServiceError;

/// The most work of one chunk: applying it takes a few milliseconds, which is little beside a heartbeat.
pub const RECORD_WORK_MAX: usize = 500;

/// Returns how much work a command is: how many messages or recipients it concerns.
pub fn work(command: &Command) -> usize {
    match command {
        Command::RecordEvents { events } => events.len().max(1),
        _ => 1,
    }
}

/// Cuts commands into chunks of at most [`RECORD_WORK_MAX`], in their order. A command that is more work than that is a
/// chunk of its own.
pub fn chunks(commands: Vec<(GroupId, Proposal)>) -> Vec<Vec<(GroupId, Proposal)>> {
    let mut chunks: Vec<Vec<(GroupId, Proposal)>> = Vec::new();
    let mut room = 0;
    for (group, proposal) in commands {
        let work = work(&proposal.command);
        match chunks.last_mut() {
            Some(chunk) if work <= room => {
                room -= work;
                chunk.push((group, proposal));
            }
            _ => {
                room = RECORD_WORK_MAX.saturating_sub(work);
                chunks.push(vec![(group, proposal)]);
            }
        }
    }
    chunks
}

impl Service {
    /// Proposes a chunk of what drivers made of a provider's callback, to each group its part in order, and answers
    /// when all are recorded; those that forbid sending are fenced.
    ///
    /// # Errors
    /// When a group refused or did not answer; the provider repeats the callback then, which does no harm.
    pub async fn record(&self, chunk: Vec<(GroupId, Proposal)>) -> Result<(), ServiceError> {
        let mut by_group: BTreeMap<GroupId, Vec<Proposal>> = BTreeMap::new();
        for (group, proposal) in chunk {
            by_group.entry(group).or_default().push(proposal);
        }
        let proposals = by_group.into_iter().map(|(group, proposals)| async move {
            match proposals.iter().any(|proposal| proposal.command.forbids_sending()) {
                true => self.log.propose_fenced(group, proposals, FENCED_DEADLINE).await,
                false => self.log.propose(group, proposals, REQUEST_DEADLINE).await,
            }
        });
        for answer in futures::future::join_all(proposals).await {
            for outcome in answer?.outcomes {
                if let Outcome::Refused(refusal) = outcome {
                    return Err(refusal.into());
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use model::event::{EventKind, ProviderEvent};
    use model::{MessageId, Timestamp};

    use super::*;

    fn events(group: u16, count: usize) -> (GroupId, Proposal) {
        let message = MessageId::new(GroupId(group), Timestamp(1), 1);
        let event = ProviderEvent { message, kind: EventKind::Delivered, detail: None };
        (GroupId(group), Proposal { request: None, command: Command::RecordEvents { events: vec![event; count] } })
    }

    #[test]
    fn chunks_are_bounded_by_work_and_keep_the_order() {
        let sizes = [(1, 1), (2, 499), (3, 1), (1, 500), (2, 900), (3, 1)];
        let commands: Vec<_> = sizes.iter().map(|(group, count)| events(*group, *count)).collect();
        let chunks = chunks(commands.clone());
        let lens: Vec<usize> = chunks.iter().map(Vec::len).collect();
        assert_eq!(lens, [2, 1, 1, 1, 1]);
        assert_eq!(chunks.concat(), commands);
        for chunk in chunks.iter().filter(|chunk| chunk.len() > 1) {
            assert!(chunk.iter().map(|(_, proposal)| work(&proposal.command)).sum::<usize>() <= RECORD_WORK_MAX);
        }
    }
}
