//! The last look before a message is handed to a provider (DESIGN section 5, R9 and R10). Reads only. The sender asks
//! under a valid lease, inside the short critical section that also begins the handover.

use model::id::{MessageId, RegionId};
use model::message::{Claim, Class, Message, Progress, Status};
use model::time::Timestamp;

use crate::forbid::{self, Whom};
use crate::tables::{Gates, Messages, ProgressOf, RowAccess, TableError, View};

/// The handover that a sender wants to begin.
#[derive(Debug, Clone, Copy)]
pub struct Handover<'a> {
    /// The region of the sender.
    pub region: &'a RegionId,
    /// The message.
    pub message: MessageId,
    /// The sender's wall-clock time.
    pub now: Timestamp,
    /// The sender's node and boot, when it claimed the message; needed for class `at_most_once`.
    pub claim: Option<Claim>,
}

/// Whether a handover may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may. The number of the handover is `progress.attempts + 1`.
    Go {
        /// The message.
        message: Box<Message>,
        /// How far it got.
        progress: Box<Progress>,
    },
    /// Something forbids it: settle it so.
    Forbidden,
    /// It doesn't wait in this region: settled, held, retired, or moved away.
    NotHere,
    /// It may be handed over at this time.
    NotDue(Timestamp),
    /// It is no longer worth sending; a command will expire it.
    Expired,
    /// It must be claimed first, or another holder claimed it.
    Unclaimed,
}

/// Decides whether a handover may begin. The rows are the truth; whatever a sender was told before was a hint.
///
/// # Errors
/// When the tables can't be read or contradict each other.
pub fn may_hand_over<V: View + ?Sized>(view: &V, handover: &Handover<'_>) -> Result<Verdict, TableError> {
    let Some(progress) = view.row::<ProgressOf>(&handover.message)? else {
        return Ok(Verdict::NotHere);
    };
    if progress.status != Status::Waiting || progress.region != *handover.region {
        return Ok(Verdict::NotHere);
    }
    let message = view.promised_row::<Messages>(&handover.message)?;
    if message.expires <= handover.now {
        return Ok(Verdict::Expired);
    }
    if progress.due > handover.now {
        return Ok(Verdict::NotDue(progress.due));
    }
    if forbidden(view, &message)? {
        return Ok(Verdict::Forbidden);
    }
    let claimed = handover.claim.is_some() && progress.claim == handover.claim;
    if message.class == Class::AtMostOnce && !claimed {
        return Ok(Verdict::Unclaimed);
    }
    Ok(Verdict::Go { message: Box::new(message), progress: Box::new(progress) })
}

/// Says whether anything forbids a message: its app or channel is closed, or its recipient wants none.
fn forbidden<V: View + ?Sized>(view: &V, message: &Message) -> Result<bool, TableError> {
    let gate = view.row::<Gates>(&message.app)?;
    let open = gate.is_some_and(|gate| {
        !gate.deleted && gate.channels.get(&message.channel).is_some_and(|channel| channel.enabled)
    });
    let whom =
        Whom { app: message.app, key: &message.key, channel: message.channel, endpoint: message.endpoint.as_ref() };
    Ok(!open || forbid::ban(view, whom)?.is_some())
}
