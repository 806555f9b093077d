//! Lets time pass in a group: expires messages, and retires what was kept long enough, in chunks.

use std::time::Duration;

use model::body::OPEN_BODY_KEPT;
use model::command::{CHUNK_MAX, Command};
use model::endpoint::FORMER_KEPT;
use model::id::{AppId, BodyId, EndpointId, GroupId, MessageId, RequestId};
use model::outcome::Outcome;
use model::request::REQUEST_KEPT;
use model::time::{BootTime, Timestamp};
use registry::tables::{
    DeletedEndpointAges, Deletions, Expiries, OpenBodyAges, ReadRows, RequestAges, Retirements, TableError, TraceAges,
    View,
};
use registry::{SETTLED_KEPT, TRACES_KEPT};

use super::{Acknowledgement, DUTY_RETRY, Duty, Now, Step, Wish};
use crate::ports::{Applied, LogError};

/// How often a group without anything due is looked at; not at every change of it, which would look at tables that
/// begin with all that was ever removed from them.
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
    look_at: BootTime,
}

#[derive(Debug, Default)]
struct Chore {
    under_way: bool,
    rest_until: BootTime,
}

impl Chore {
    fn begin(&mut self, now: Now) -> bool {
        let free = !self.under_way && self.rest_until <= now.boot_time;
        self.under_way |= free;
        free
    }
}

impl HousekeepingDuty {
    /// Begins the duty for a group.
    pub fn new(group: GroupId) -> HousekeepingDuty {
        HousekeepingDuty { group, expire: Chore::default(), retire: Chore::default(), look_at: BootTime::default() }
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
        if now.boot_time < self.look_at {
            return Ok(Step { wishes, again: Some(self.look_at.since(now.boot_time)) });
        }
        self.look_at = now.boot_time + LOOK;
        if something_expires(now.time, view)? && self.expire.begin(now) {
            wishes.push(self.wish(EXPIRE, Command::Expire { limit: CHUNK_MAX }));
        }
        if something_retires(now.time, view)? && self.retire.begin(now) {
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
        if more {
            self.look_at = now.boot_time;
        } else {
            chore.rest_until = now.boot_time + DUTY_RETRY;
        }
    }
}

fn something_expires(now: Timestamp, view: &dyn View) -> Result<bool, TableError> {
    let first = ReadRows::<Expiries>::scan(view, &(Timestamp(0), MessageId(0)), 1)?;
    Ok(first.first().is_some_and(|((due, _), ())| *due <= now))
}

fn something_retires(now: Timestamp, view: &dyn View) -> Result<bool, TableError> {
    let messages = ReadRows::<Retirements>::scan(view, &(Timestamp(0), MessageId(0)), 1)?;
    let traces = ReadRows::<TraceAges>::scan(view, &(Timestamp(0), MessageId(0)), 1)?;
    let bodies = ReadRows::<OpenBodyAges>::scan(view, &(Timestamp(0), AppId(0), BodyId(0)), 1)?;
    let requests = ReadRows::<RequestAges>::scan(view, &(Timestamp(0), RequestId(0)), 1)?;
    let none = (Timestamp(0), AppId(0), EndpointId::from_stored(""));
    let endpoints = ReadRows::<DeletedEndpointAges>::scan(view, &none, 1)?;
    let deletions = ReadRows::<Deletions>::scan(view, &AppId(0), 1)?;
    let old_message = messages.first().is_some_and(|((settled, _), ())| settled.plus(SETTLED_KEPT) <= now);
    let old_trace = traces.first().is_some_and(|((settled, _), ())| settled.plus(TRACES_KEPT) <= now);
    let old_body = bodies.first().is_some_and(|((since, ..), ())| since.plus(OPEN_BODY_KEPT) <= now);
    let old_request = requests.first().is_some_and(|((given, _), ())| given.plus(REQUEST_KEPT) <= now);
    let old_endpoint = endpoints.first().is_some_and(|((deleted, ..), ())| deleted.plus(FORMER_KEPT) <= now);
    Ok(old_message || old_trace || old_body || old_request || old_endpoint || !deletions.is_empty())
}

#[cfg(test)]
mod tests {
    use model::id::LogIndex;
    use registry::tables::{MemoryTables, WriteRows};

    use super::*;

    fn at(elapsed: Duration) -> Now {
        Now { boot_time: BootTime::default() + elapsed, time: Timestamp(10) }
    }

    fn chunk(more: bool) -> Result<Applied, LogError> {
        let outcomes = vec![Outcome::Chunk { touched: 1, next: None, more }];
        Ok(Applied { outcomes, index: LogIndex(1) })
    }

    #[test]
    fn it_looks_once_in_a_while_and_at_once_while_there_is_more() {
        let mut duty = HousekeepingDuty::new(GroupId(1));
        let mut tables = MemoryTables::default();
        let wishes =
            |tables: &MemoryTables, duty: &mut HousekeepingDuty, elapsed| duty.step(at(elapsed), tables).unwrap();
        assert_eq!(wishes(&tables, &mut duty, Duration::ZERO).wishes, []);
        WriteRows::<Expiries>::put(&mut tables, (Timestamp(5), MessageId(1)), ());
        let early = wishes(&tables, &mut duty, LOOK / 4);
        assert_eq!((early.wishes.len(), early.again), (0, Some(LOOK * 3 / 4)));
        assert_eq!(wishes(&tables, &mut duty, LOOK).wishes.len(), 1);
        duty.answered(at(LOOK), EXPIRE, &chunk(true));
        assert_eq!(wishes(&tables, &mut duty, LOOK).wishes.len(), 1);
        duty.answered(at(LOOK), EXPIRE, &chunk(false));
        assert_eq!(wishes(&tables, &mut duty, LOOK).wishes.len(), 0);
    }

    #[test]
    fn an_open_body_is_retired_when_it_is_old_enough() {
        let mut tables = MemoryTables::default();
        WriteRows::<OpenBodyAges>::put(&mut tables, (Timestamp(10), AppId(1), BodyId(1)), ());
        let due = Timestamp(10).plus(OPEN_BODY_KEPT);
        for (now, wished) in [(Timestamp(due.0 - 1), 0), (due, 1)] {
            let now = Now { boot_time: BootTime::default(), time: now };
            let step = HousekeepingDuty::new(GroupId(1)).step(now, &tables).unwrap();
            assert_eq!(step.wishes.len(), wished, "{now:?}");
        }
    }
}
