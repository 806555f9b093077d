//! Lets time pass in a group: expires messages, and retires what was kept long enough, in chunks.

use std::time::Duration;

use model::command::{CHUNK_MAX, Command, REQUEST_KEPT};
use model::id::{AppId, GroupId, MessageId, RequestId};
use model::outcome::Outcome;
use model::time::{BootTime, Timestamp};
use registry::tables::{Deletions, Expiries, ReadRows, RequestAges, Retirements, TableError, View};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, LogError};

/// How long settled messages and their events are kept.
pub const MESSAGES_KEPT: Duration = Duration::from_secs(72 * 3_600);

/// How often a group without anything due is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The two kinds of wishes.
const EXPIRE: u64 = 1;
const RETIRE: u64 = 2;

/// See the module's text.
#[derive(Debug)]
pub struct HousekeepingDuty {
    group: GroupId,
    expire: Chore,
    retire: Chore,
}

#[derive(Debug, Default)]
struct Chore {
    under_way: bool,
    rest_until: BootTime,
}

impl Chore {
    fn begin(&mut self, now: Now) -> bool {
        let free = !self.under_way && self.rest_until <= now.boot;
        self.under_way |= free;
        free
    }
}

impl HousekeepingDuty {
    /// Begins the duty for a group.
    pub fn new(group: GroupId) -> HousekeepingDuty {
        HousekeepingDuty { group, expire: Chore::default(), retire: Chore::default() }
    }

    fn wish(&self, tag: u64, command: Command) -> Wish {
        Wish { tag, group: self.group, commands: vec![command], acknowledgement: Acknowledgement::Applied }
    }
}

impl Duty for HousekeepingDuty {
    fn name(&self) -> &'static str {
        "housekeeping"
    }

    fn step(&mut self, now: Now, view: &dyn View) -> Result<Step, TableError> {
        let mut wishes = Vec::new();
        if something_expires(now.wall, view)? && self.expire.begin(now) {
            wishes.push(self.wish(EXPIRE, Command::Expire { limit: CHUNK_MAX }));
        }
        if something_retires(now.wall, view)? && self.retire.begin(now) {
            wishes.push(self.wish(RETIRE, Command::Retire { limit: CHUNK_MAX }));
        }
        Ok(Step { wishes, again: Some(LOOK) })
    }

    fn answered(&mut self, now: Now, tag: u64, answer: &Result<Applied, LogError>) {
        let chore = if tag == EXPIRE { &mut self.expire } else { &mut self.retire };
        chore.under_way = false;
        let more = answer
            .as_ref()
            .is_ok_and(|applied| matches!(applied.outcomes.first(), Some(Outcome::Chunk { more: true, .. })));
        if !more {
            chore.rest_until = now.boot + DUTY_RETRY;
        }
    }
}

fn something_expires(now: Timestamp, view: &dyn View) -> Result<bool, TableError> {
    let first = ReadRows::<Expiries>::scan(view, &(Timestamp(0), MessageId(0)), 1)?;
    Ok(first.first().is_some_and(|((due, _), ())| *due <= now))
}

fn something_retires(now: Timestamp, view: &dyn View) -> Result<bool, TableError> {
    let messages = ReadRows::<Retirements>::scan(view, &(Timestamp(0), MessageId(0)), 1)?;
    let requests = ReadRows::<RequestAges>::scan(view, &(Timestamp(0), RequestId(0)), 1)?;
    let deletions = ReadRows::<Deletions>::scan(view, &AppId(0), 1)?;
    let old_message = messages.first().is_some_and(|((settled, _), ())| settled.plus(MESSAGES_KEPT) <= now);
    let old_request = requests.first().is_some_and(|((given, _), ())| given.plus(REQUEST_KEPT) <= now);
    Ok(old_message || old_request || !deletions.is_empty())
}
