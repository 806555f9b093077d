//! What a leader's grants need, as far as this room passes it on; the rules themselves are tested in `traffic`.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{Epoch, Incarnation, LogIndex, NodeId, RegionId, Term};
use model::time::BootTime;
use traffic::LeaseTiming;
use traffic::lease::{Decision, HolderId, Host, Renewal, Report, Tenure};

use super::{Leadership, Members};
use crate::lease::broken::LeaseBreak;
use crate::lease::group_lease::GroupLease;
use crate::raft::type_config::LeaderId;

const LEADER: LeaderId = LeaderId { term: 3, node_id: 1 };
const HOLDER: NodeId = NodeId(2);
/// The last entry of the leader's log when its tenure began, and what is committed.
const LOG_END: LogIndex = LogIndex(50);
const COMMITTED: LogIndex = LogIndex(10);

fn at(milliseconds: u64) -> BootTime {
    BootTime(milliseconds * 1_000_000)
}

fn region() -> RegionId {
    RegionId::new("b").unwrap()
}

/// A lease of a leader since 10 s, which is sure of that at 20 s.
fn led(broken: Option<LeaseBreak>) -> GroupLease {
    let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
    let lease = GroupLease::new(timing, None, at(0), broken);
    let hosts = BTreeMap::from([(HOLDER, Host { region: region(), holds: true })]);
    let tenure = Tenure { term: Term(3), began: at(10_000), log_end: LOG_END };
    lease.begin_tenure(Leadership { leader: LEADER, tenure, members: Members { hosts, committed: true } });
    lease.quorum_acked(&LEADER, at(20_000), at(20_000));
    lease
}

/// What the holder is granted at 20 s: what it must have applied, or nothing.
fn need(lease: &GroupLease) -> Option<LogIndex> {
    let holder = HolderId { node: HOLDER, incarnation: Incarnation(1), region: region() };
    let report = Report { holder, fenced: LogIndex(0), drained: None };
    match lease.request(at(20_000), Renewal { report, sent: at(1) }, COMMITTED) {
        Some(Decision::Grant(grant)) => Some(grant.need),
        _ => None,
    }
}

#[test]
fn a_grant_needs_the_log_that_the_tenure_began_with() {
    assert_eq!(need(&led(None)), Some(LOG_END));
    assert_eq!(need(&led(Some(LeaseBreak::NeedsNoTenureStart))), Some(COMMITTED), "so it would be seen");
}

#[test]
fn a_takeover_stops_grants_to_its_region_until_it_is_known_where_it_landed_and_is_needed_then() {
    let after_takeover = |broken| {
        let lease = led(broken);
        let begun = lease.begin_takeover(at(20_000), &region(), Epoch(2)).unwrap();
        let meanwhile = need(&lease);
        lease.takeover_appended(&begun, LogIndex(70));
        (meanwhile, need(&lease))
    };
    assert_eq!(after_takeover(None), (None, Some(LogIndex(70))));
    let broken = after_takeover(Some(LeaseBreak::NeedsNoTakeover));
    assert_eq!(broken, (None, Some(LOG_END)), "so it would be seen");
}
