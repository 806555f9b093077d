//! The holder's side of the send lease, for one group in one incarnation of a node. Decides whether a dispatch may
//! begin; holds no clock and sends nothing itself.

use std::time::Duration;

use model::{BootTime, Epoch, LogIndex};

use super::terms::{Grant, HolderId, Renewal, Report};
use crate::timing::LeaseTiming;

/// The most grants that wait for their index at once. A renewal is asked for four times per lease, so more are only
/// met when answers pile up; then the newest gives way to the next.
const PENDING_MAX: usize = 8;

/// The lease of one group in one incarnation.
#[derive(Debug, Clone)]
pub struct Holder {
    id: HolderId,
    lease: Duration,
    critical_section: Duration,
    applied: LogIndex,
    fenced: LogIndex,
    drained: Option<Epoch>,
    /// Until when the usable lease is or was valid.
    usable: Option<BootTime>,
    pending: Vec<Pending>,
}

/// The right to begin dispatches of the group's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permit {
    /// The lease is valid before this time. A check after it needs another permit.
    pub valid_until: BootTime,
    /// A dispatch that this permit allowed must have begun by then (G after it was given, however slow the clock). One
    /// that begins later is an overrun, to be counted and reported.
    pub begin_by: BootTime,
}

/// Why no dispatch may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPermit {
    /// No lease was granted in this incarnation yet.
    #[error("no send lease was granted yet")]
    NeverGranted,
    /// The lease ran out and was not renewed.
    #[error("the send lease lapsed {} ms ago", .ago.as_millis())]
    Lapsed {
        /// How long ago.
        ago: Duration,
    },
    /// A lease is granted, but the replica has not applied what it needs for it. Lasting, this deserves an alarm (R7).
    #[error("the replica applied {applied} and needs {need} for its send lease")]
    Behind {
        /// The index that is applied.
        applied: LogIndex,
        /// The smallest index that makes a granted lease usable.
        need: LogIndex,
    },
}

/// What became of a grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The lease is usable, until this time or longer.
    Usable(BootTime),
    /// The lease becomes usable when this index is applied.
    Pending(LogIndex),
    /// It answers an earlier incarnation's request (R3).
    OtherIncarnation,
    /// It came too late to be of use.
    Expired,
}

#[derive(Debug, Clone, Copy)]
struct Pending {
    need: LogIndex,
    until: BootTime,
}

impl Holder {
    /// Begins an incarnation that has applied nothing and holds nothing.
    pub fn new(id: HolderId, timing: &LeaseTiming) -> Holder {
        Holder {
            id,
            lease: timing.lease(),
            critical_section: timing.critical_section_on_any_clock(),
            applied: LogIndex(0),
            fenced: LogIndex(0),
            drained: None,
            usable: None,
            pending: Vec::new(),
        }
    }

    /// Makes a request for the lease, to be sent at once: the lease counts from now (R3).
    pub fn request(&self, now: BootTime) -> Renewal {
        Renewal { report: self.report(), sent: now }
    }

    /// Says how far this holder is.
    pub fn report(&self) -> Report {
        Report { holder: self.id.clone(), fenced: self.fenced, drained: self.drained }
    }

    /// Takes a grant. It extends the lease only if a usable one is still valid now; otherwise it becomes usable when
    /// its
    /// `need` is applied (R5), each grant by its own.
    pub fn granted(&mut self, now: BootTime, grant: Grant) -> Answer {
        if grant.incarnation != self.id.incarnation {
            return Answer::OtherIncarnation;
        }
        let until = grant.sent + self.lease;
        if until <= now || grant.sent > now {
            return Answer::Expired;
        }
        if self.is_valid(now) || self.applied >= grant.need {
            return Answer::Usable(self.use_until(until));
        }
        self.pending.retain(|pending| now < pending.until);
        if self.pending.len() == PENDING_MAX {
            self.pending.pop();
        }
        self.pending.push(Pending { need: grant.need, until });
        Answer::Pending(grant.need)
    }

    /// Takes note that all entries up to `index` are applied. An index that is not higher than the last changes
    /// nothing.
    pub fn applied(&mut self, index: LogIndex) {
        self.applied = self.applied.max(index);
        let (ready, waiting): (Vec<Pending>, Vec<Pending>) =
            self.pending.iter().partition(|pending| pending.need <= self.applied);
        self.pending = waiting;
        for pending in ready {
            self.use_until(pending.until);
        }
    }

    /// Takes note that every check which read less than `index` has begun or was given up (R10). Counts no further than
    /// what is applied.
    pub fn fenced(&mut self, index: LogIndex) {
        self.fenced = self.fenced.max(index.min(self.applied));
        debug_assert!(self.invariant_fenced_is_applied());
    }

    /// Takes note of the plan for which this holder is drained, or that it is drained for none (R11).
    pub fn drained(&mut self, epoch: Option<Epoch>) {
        self.drained = epoch;
    }

    /// Says whether a dispatch may begin now (R9, as far as the lease goes).
    ///
    /// # Errors
    /// Why not.
    pub fn permit(&self, now: BootTime) -> Result<Permit, NoPermit> {
        if let Some(valid_until) = self.usable.filter(|until| now < *until) {
            return Ok(Permit { valid_until, begin_by: now + self.critical_section });
        }
        let waiting = self.pending.iter().filter(|pending| now < pending.until);
        if let Some(need) = waiting.map(|pending| pending.need).min() {
            return Err(NoPermit::Behind { applied: self.applied, need });
        }
        Err(match self.usable {
            Some(until) => NoPermit::Lapsed { ago: now.since(until) },
            None => NoPermit::NeverGranted,
        })
    }

    /// Returns the time at which the usable lease runs out or ran out; nothing when there was none in this incarnation.
    pub fn valid_until(&self) -> Option<BootTime> {
        self.usable
    }

    /// Checks that nothing is reported fenced which is not applied.
    pub fn invariant_fenced_is_applied(&self) -> bool {
        self.fenced <= self.applied
    }

    fn is_valid(&self, now: BootTime) -> bool {
        self.usable.is_some_and(|until| now < until)
    }

    fn use_until(&mut self, until: BootTime) -> BootTime {
        let longer = self.usable.map_or(until, |usable| usable.max(until));
        self.usable = Some(longer);
        longer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Incarnation, NodeId, RegionId, Term};

    const INCARNATION: Incarnation = Incarnation(7);

    fn at(milliseconds: u64) -> BootTime {
        BootTime(milliseconds * 1_000_000)
    }

    fn holder() -> Holder {
        let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
        Holder::new(
            HolderId { node: NodeId(1), incarnation: INCARNATION, region: RegionId::new("a").unwrap() },
            &timing,
        )
    }

    fn grant(sent: u64, need: u64) -> Grant {
        Grant { incarnation: INCARNATION, sent: at(sent), term: Term(1), need: LogIndex(need) }
    }

    #[test]
    fn a_lease_counts_from_the_sending_of_its_request() {
        let mut holder = holder();
        assert_eq!(holder.permit(at(0)), Err(NoPermit::NeverGranted));
        assert_eq!(holder.granted(at(900), grant(100, 0)), Answer::Usable(at(1_100)));
        let permit = Permit { valid_until: at(1_100), begin_by: BootTime(1_148_500_000) };
        assert_eq!(holder.permit(at(1_099)), Ok(permit));
        assert_eq!(holder.permit(at(1_100)), Err(NoPermit::Lapsed { ago: Duration::ZERO }));
        assert_eq!(holder.granted(at(1_100), grant(100, 0)), Answer::Expired);
    }

    #[test]
    fn answers_to_an_earlier_incarnation_are_dropped() {
        let mut holder = holder();
        assert_eq!(
            holder.granted(at(0), Grant { incarnation: Incarnation(6), ..grant(0, 0) }),
            Answer::OtherIncarnation
        );
        assert_eq!(
            holder.granted(at(5), grant(6, 0)),
            Answer::Expired,
            "a request from the future is not this incarnation's"
        );
        assert_eq!(holder.permit(at(1)), Err(NoPermit::NeverGranted));
    }

    #[test]
    fn only_a_usable_valid_lease_is_extended() {
        let mut holder = holder();
        assert_eq!(holder.granted(at(0), grant(0, 5)), Answer::Pending(LogIndex(5)));
        assert_eq!(holder.granted(at(500), grant(500, 9)), Answer::Pending(LogIndex(9)), "a pending one is not usable");
        holder.applied(LogIndex(4));
        let behind = NoPermit::Behind { applied: LogIndex(4), need: LogIndex(5) };
        assert_eq!(holder.permit(at(600)), Err(behind));
        holder.applied(LogIndex(5));
        assert_eq!(holder.valid_until(), Some(at(1_000)), "the second still waits for its own index");
        assert_eq!(holder.granted(at(900), grant(900, 99)), Answer::Usable(at(1_900)));
        assert_eq!(holder.granted(at(1_900), grant(1_890, 99)), Answer::Pending(LogIndex(99)), "too late to extend");
    }

    #[test]
    fn steady_commits_do_not_starve_a_holder_that_lags() {
        let mut holder = holder();
        for step in 0..8 {
            holder.granted(at(step * 200), grant(step * 200, 10 + step));
            holder.applied(LogIndex(7 + step));
        }
        assert!(holder.permit(at(1_600)).is_ok());
    }

    #[test]
    fn pending_grants_are_bounded_and_the_oldest_stay() {
        let mut holder = holder();
        for step in 0..100 {
            holder.granted(at(step), grant(step, 10 + step));
        }
        assert_eq!(holder.pending.len(), PENDING_MAX);
        holder.applied(LogIndex(10));
        assert_eq!(holder.valid_until(), Some(at(1_000)));
    }

    #[test]
    fn fenced_never_passes_applied_nor_goes_back() {
        let mut holder = holder();
        holder.applied(LogIndex(3));
        holder.fenced(LogIndex(9));
        assert_eq!(holder.report().fenced, LogIndex(3));
        holder.fenced(LogIndex(1));
        assert_eq!(holder.request(at(4)).report.fenced, LogIndex(3));
    }
}
