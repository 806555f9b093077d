//! Tables for the leader's side of the lease: one rule each. What the rules keep together is tested in `tests/lease`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::Term;

use super::*;

const A: NodeId = NodeId(1);
const B: NodeId = NodeId(2);

fn at(milliseconds: u64) -> BootTime {
    BootTime(milliseconds * 1_000_000)
}

fn region(name: &str) -> RegionId {
    RegionId::new(name).unwrap()
}

fn host(name: &str) -> Host {
    Host { region: region(name), holds: true }
}

/// A tenure that began at 10 s with a log of 7 entries, and A and B in regions of their own.
fn granter() -> Granter {
    let timing = LeaseTiming::for_round_trip(Duration::from_millis(80)).unwrap();
    let tenure = Tenure { term: Term(3), began: at(10_000), log_end: LogIndex(7) };
    Granter::new(timing, tenure, &BTreeMap::from([(A, host("a")), (B, host("b"))]))
}

/// The same, sure of leading at `now`.
fn sure_at(now: u64) -> Granter {
    let mut granter = granter();
    granter.quorum_acked(at(now));
    granter
}

fn report(node: NodeId, incarnation: u64, fenced: u64) -> Report {
    let region = region(if node == A { "a" } else { "b" });
    Report {
        holder: HolderId { node, incarnation: Incarnation(incarnation), region },
        fenced: LogIndex(fenced),
        drained: None,
    }
}

fn renewal(node: NodeId, incarnation: u64, fenced: u64) -> Renewal {
    Renewal { report: report(node, incarnation, fenced), sent: at(123) }
}

fn granted(need: u64) -> Decision {
    Decision::Grant(Grant { incarnation: Incarnation(1), sent: at(123), term: Term(3), need: LogIndex(need) })
}

fn wait(until: Option<u64>, holders: &[NodeId]) -> Acknowledgement {
    Acknowledgement::Wait { until: until.map(at), holders: holders.to_vec() }
}

#[test]
fn grants_need_a_recent_heartbeat_of_this_tenure() {
    let mut granter = granter();
    assert_eq!(granter.request(at(10_001), renewal(A, 1, 0), LogIndex(7)), Decision::Refuse(Reason::Unsure));
    granter.quorum_acked(at(9_999));
    assert_eq!(granter.request(at(10_002), renewal(A, 1, 0), LogIndex(7)), Decision::Refuse(Reason::Unsure));
    granter.quorum_acked(at(10_010));
    assert_eq!(granter.request(at(10_409), renewal(A, 1, 0), LogIndex(7)), granted(7));
    assert_eq!(granter.request(at(10_410), renewal(A, 1, 0), LogIndex(7)), Decision::Refuse(Reason::Unsure));
}

#[test]
fn need_is_the_highest_of_commit_log_end_and_takeover() {
    let mut granter = sure_at(10_100);
    assert_eq!(granter.request(at(10_101), renewal(A, 1, 0), LogIndex(2)), granted(7));
    assert_eq!(granter.request(at(10_102), renewal(A, 1, 0), LogIndex(9)), granted(9));
    granter.takeover_appended(&region("a"), TakeoverBasis::Drained, LogIndex(12));
    granter.takeover_appended(&region("a"), TakeoverBasis::Drained, LogIndex(11));
    assert_eq!(granter.request(at(10_103), renewal(A, 1, 0), LogIndex(9)), granted(12));
    assert_eq!(granter.request(at(10_104), renewal(B, 1, 0), LogIndex(9)), granted(9));
}

#[test]
fn an_index_is_acknowledged_when_committed_and_fenced_everywhere() {
    let mut granter = sure_at(10_100);
    let now = at(10_200);
    granter.report(report(A, 1, 8));
    assert_eq!(granter.acknowledged(now, LogIndex(8), LogIndex(8)), wait(Some(11_100), &[B]));
    granter.report(report(B, 1, 9));
    assert_eq!(granter.acknowledged(now, LogIndex(8), LogIndex(7)), wait(None, &[]));
    assert_eq!(granter.acknowledged_up_to(now, LogIndex(7)), LogIndex(7));
    assert_eq!(granter.acknowledged(now, LogIndex(8), LogIndex(8)), Acknowledgement::Yes);
    assert_eq!(granter.acknowledged_up_to(now, LogIndex(9)), LogIndex(8));
    assert_eq!(
        granter.acknowledged(at(99_000), LogIndex(8), LogIndex(8)),
        Acknowledgement::Yes,
        "fences need no lapse"
    );
}

#[test]
fn a_silent_holder_is_waited_for_until_its_lease_lapsed() {
    let mut granter = sure_at(11_000);
    granter.report(report(B, 1, 8));
    assert_eq!(granter.request(at(11_050), renewal(A, 1, 7), LogIndex(7)), granted(7));
    granter.quorum_acked(at(12_000));
    assert_eq!(granter.acknowledged(at(12_149), LogIndex(8), LogIndex(8)), wait(Some(12_150), &[A]));
    assert_eq!(granter.acknowledged_up_to(at(12_149), LogIndex(8)), LogIndex(7));
    assert_eq!(granter.acknowledged(at(12_150), LogIndex(8), LogIndex(8)), Acknowledgement::Yes);
    assert_eq!(granter.acknowledged_up_to(at(12_150), LogIndex(8)), LogIndex(8));
    assert_eq!(granter.acknowledged(at(12_400), LogIndex(9), LogIndex(9)), wait(None, &[A, B]), "no longer sure");
}

#[test]
fn a_new_tenure_waits_for_holders_it_never_saw() {
    let mut granter = sure_at(11_000);
    granter.report(report(A, 1, 8));
    assert_eq!(granter.acknowledged(at(11_099), LogIndex(8), LogIndex(8)), wait(Some(11_100), &[B]));
    assert_eq!(granter.acknowledged(at(11_100), LogIndex(8), LogIndex(8)), Acknowledgement::Yes);
}

#[test]
fn a_restarted_holder_is_fenced_anew_and_its_late_requests_are_dropped() {
    let mut granter = sure_at(10_100);
    granter.report(report(B, 1, 9));
    granter.report(report(A, 1, 9));
    assert!(granter.report(report(A, 2, 0)));
    assert_eq!(granter.acknowledged(at(10_200), LogIndex(9), LogIndex(9)), wait(Some(11_100), &[A]));
    assert!(!granter.report(report(A, 1, 9)));
    let late = granter.request(at(10_201), renewal(A, 1, 9), LogIndex(9));
    assert_eq!(late, Decision::Refuse(Reason::EarlierIncarnation));
    assert_eq!(granter.acknowledged(at(10_202), LogIndex(9), LogIndex(9)), wait(Some(11_100), &[A]));
}

#[test]
fn a_restart_ends_the_earlier_incarnation_s_lease() {
    let mut granter = sure_at(11_000);
    granter.report(report(B, 1, 9));
    granter.request(at(11_050), renewal(A, 1, 0), LogIndex(7));
    granter.report(report(A, 2, 0));
    assert_eq!(granter.acknowledged(at(11_100), LogIndex(9), LogIndex(9)), Acknowledgement::Yes);
}

#[test]
fn a_holder_that_keeps_an_index_waiting_is_not_renewed() {
    let mut granter = sure_at(11_000);
    granter.waiting(LogIndex(8), at(10_800));
    assert_eq!(granter.request(at(11_300), renewal(A, 1, 7), LogIndex(8)), granted(8));
    let behind = Reason::Behind { fenced: LogIndex(7), overdue: LogIndex(8) };
    assert_eq!(granter.request(at(11_301), renewal(A, 1, 7), LogIndex(8)), Decision::Refuse(behind));
    assert_eq!(granter.request(at(11_302), renewal(A, 1, 8), LogIndex(8)), granted(8));
}

#[test]
fn what_is_acknowledged_together_waits_no_more() {
    let mut granter = sure_at(11_000);
    granter.waiting(LogIndex(8), at(10_500));
    granter.waiting(LogIndex(9), at(10_600));
    granter.report(report(A, 1, 8));
    granter.report(report(B, 1, 9));
    assert_eq!(granter.acknowledge(at(11_050), LogIndex(9)), LogIndex(8));
    granter.quorum_acked(at(11_150));
    let behind = Reason::Behind { fenced: LogIndex(8), overdue: LogIndex(9) };
    assert_eq!(granter.request(at(11_150), renewal(A, 1, 8), LogIndex(9)), Decision::Refuse(behind));
    granter.report(report(A, 1, 9));
    assert_eq!(granter.acknowledge(at(11_151), LogIndex(9)), LogIndex(9));
    assert_eq!(granter.request(at(11_152), renewal(A, 1, 0), LogIndex(9)), granted(9), "nothing is overdue");
}

#[test]
fn a_transfer_ends_granting_and_everything_that_rests_on_time() {
    let mut granter = sure_at(11_000);
    granter.report(report(B, 1, 8));
    granter.begin_transfer();
    granter.quorum_acked(at(11_200));
    assert_eq!(granter.request(at(11_201), renewal(A, 1, 7), LogIndex(7)), Decision::Refuse(Reason::Transferring));
    assert_eq!(granter.acknowledged(at(11_202), LogIndex(8), LogIndex(8)), wait(None, &[A]));
    assert_eq!(granter.takeover_basis(at(11_202), &region("a"), Epoch(2)), None);
    granter.report(report(A, 1, 8));
    assert_eq!(granter.acknowledged(at(11_203), LogIndex(8), LogIndex(8)), Acknowledgement::Yes);
}

#[test]
fn a_takeover_begins_when_the_region_is_drained_or_its_lease_lapsed() {
    let mut granter = sure_at(11_000);
    let (a, b) = (region("a"), region("b"));
    assert_eq!(granter.begin_takeover(at(11_099), &a, Epoch(2)), None);
    granter.request(at(11_100), renewal(B, 1, 7), LogIndex(7));
    assert_eq!(granter.begin_takeover(at(11_100), &b, Epoch(2)), None);
    assert_eq!(granter.begin_takeover(at(11_100), &a, Epoch(2)), Some(TakeoverBasis::Lapsed));
    let meanwhile = granter.request(at(11_101), renewal(A, 1, 7), LogIndex(7));
    assert_eq!(meanwhile, Decision::Refuse(Reason::TakingOver));
    granter.takeover_appended(&a, TakeoverBasis::Lapsed, LogIndex(9));
    assert_eq!(granter.request(at(11_102), renewal(A, 1, 7), LogIndex(7)), granted(9));

    granter.report(Report { drained: Some(Epoch(2)), ..report(B, 1, 8) });
    assert_eq!(granter.begin_takeover(at(11_103), &b, Epoch(3)), None);
    assert_eq!(granter.begin_takeover(at(11_103), &b, Epoch(2)), Some(TakeoverBasis::Drained));
    assert_eq!(
        granter.request(at(11_104), renewal(B, 1, 8), LogIndex(8)),
        granted(8),
        "a drained region keeps its lease"
    );
}

/// What became of the first takeover is not known when a second one is begun.
#[test]
fn a_region_gets_no_lease_until_every_takeover_of_it_is_known() {
    let mut granter = sure_at(11_000);
    let a = region("a");
    for _ in 0..2 {
        assert_eq!(granter.begin_takeover(at(11_100), &a, Epoch(2)), Some(TakeoverBasis::Lapsed));
    }
    let asks = |granter: &mut Granter| granter.request(at(11_101), renewal(A, 1, 7), LogIndex(7));
    granter.takeover_appended(&a, TakeoverBasis::Lapsed, LogIndex(9));
    assert_eq!(asks(&mut granter), Decision::Refuse(Reason::TakingOver));
    granter.takeover_appended(&a, TakeoverBasis::Drained, LogIndex(10));
    assert_eq!(asks(&mut granter), Decision::Refuse(Reason::TakingOver), "another ground, another takeover");
    granter.takeover_appended(&a, TakeoverBasis::Lapsed, LogIndex(8));
    assert_eq!(asks(&mut granter), granted(10));
}

#[test]
fn a_node_leaves_only_without_a_lease() {
    let mut granter = sure_at(11_000);
    granter.request(at(11_050), renewal(A, 1, 7), LogIndex(7));
    granter.retire(A);
    assert_eq!(granter.request(at(11_060), renewal(A, 1, 7), LogIndex(7)), Decision::Refuse(Reason::Retired));
    granter.quorum_acked(at(12_100));
    assert!(!granter.is_retired(at(12_149), A));
    assert!(granter.is_retired(at(12_150), A));
    assert!(!granter.is_retired(at(12_150), B));
    granter.host(A, host("a"));
    assert!(!granter.is_retired(at(12_151), A));
}

#[test]
fn a_node_that_stays_after_all_gets_the_lease_again() {
    let mut granter = sure_at(11_000);
    granter.retire(A);
    granter.retire(B);
    granter.reinstate(A);
    assert_eq!(granter.request(at(11_050), renewal(A, 1, 7), LogIndex(7)), granted(7));
    assert!(!granter.is_retired(at(11_100), A));
    assert_eq!(granter.request(at(11_050), renewal(B, 1, 7), LogIndex(7)), Decision::Refuse(Reason::Retired));
}

const LEARNER: NodeId = NodeId(3);

fn asks(granter: &mut Granter, node: NodeId, now: u64) -> Decision {
    let holder = HolderId { node, incarnation: Incarnation(1), region: region("a") };
    let report = Report { holder, fenced: LogIndex(7), drained: None };
    granter.request(at(now), Renewal { report, sent: at(123) }, LogIndex(7))
}

#[test]
fn whoever_is_no_voter_gets_nothing_and_is_not_waited_for() {
    let mut granter = sure_at(11_000);
    assert_eq!(asks(&mut granter, LEARNER, 11_050), Decision::Refuse(Reason::NotHolder));
    granter.report(report(A, 1, 9));
    granter.report(report(B, 1, 9));
    assert_eq!(granter.acknowledged(at(11_060), LogIndex(9), LogIndex(9)), Acknowledgement::Yes);
}

#[test]
fn a_region_has_one_holder_and_the_next_one_waits_for_its_lapse() {
    let mut granter = sure_at(11_000);
    granter.host(LEARNER, Host { region: region("a"), holds: false });
    granter.quorum_acked(at(11_950));
    assert_eq!(asks(&mut granter, A, 12_000), granted(7));
    assert_eq!(asks(&mut granter, LEARNER, 12_001), Decision::Refuse(Reason::NotHolder));
    granter.entitle(&BTreeSet::from([LEARNER, B]));
    assert_eq!(asks(&mut granter, A, 12_002), Decision::Refuse(Reason::NotHolder));
    for now in [12_003, 13_099] {
        granter.quorum_acked(at(now));
        assert_eq!(asks(&mut granter, LEARNER, now), Decision::Refuse(Reason::HeldBy(A)), "at {now}");
    }
    assert_eq!(asks(&mut granter, LEARNER, 13_100), granted(7));
    assert_eq!(asks(&mut granter, A, 13_101), Decision::Refuse(Reason::NotHolder));
}

/// A region with a node that is drained and one that is dead: each counts by itself.
#[test]
fn a_takeover_waits_for_no_node_longer_than_for_its_own_ground() {
    let mut granter = sure_at(11_000);
    granter.host(LEARNER, Host { region: region("a"), holds: false });
    granter.report(Report { drained: Some(Epoch(2)), ..report(A, 1, 7) });
    granter.quorum_acked(at(11_060));
    assert_eq!(asks(&mut granter, A, 11_099), Decision::Refuse(Reason::HeldBy(LEARNER)));
    assert_eq!(asks(&mut granter, A, 11_100), granted(7));
    assert_eq!(granter.takeover_basis(at(11_101), &region("a"), Epoch(2)), Some(TakeoverBasis::Lapsed));
    assert_eq!(granter.takeover_basis(at(11_101), &region("a"), Epoch(3)), None, "A is not drained for that plan");
}
