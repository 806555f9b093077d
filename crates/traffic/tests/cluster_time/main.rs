//! The cluster's time under fire: nodes whose own clocks run at rates of their own, over a network that loses and
//! delays, with elections, cuts, restarts and reboots, and one wall clock that shows anything at any time. And what
//! follows when a majority's clocks move: by downtime, by a little, by a leap.

mod world;

use std::time::Duration;

use model::id::{NodeId, RegionId};
use model::time::{BootTime, Timestamp};
use proptest::prelude::*;
use traffic::cluster_time::{ClusterClock, Heard, NotBlocked, Record, Source, TimeRules};

use world::{Faults, World};

/// The most that a stamp may be off true time, in milliseconds.
const OFF_MAX_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn faults() -> impl Strategy<Value = Faults> {
    (0..300_u64, 0..200_u64, 0..60_u64, 0..60_u64, 0..20_u64, 0..30_u64).prop_map(
        |(loss, jump, cut, restart, reboot, elect)| Faults {
            loss_per_mille: loss,
            jump_per_100_000: jump,
            cut_per_100_000: cut,
            restart_per_100_000: restart,
            reboot_per_100_000: reboot,
            reboot_all_per_100_000: reboot / 4,
            elect_per_10_000: elect,
        },
    )
}

proptest! {
    #[test]
    fn one_wrong_wall_clock_moves_no_group(seed: u64, nodes in 0..2_usize, faults in faults()) {
        let mut world = World::new(seed, 3 + 2 * nodes, faults);
        world.run(Duration::from_secs(60));
        prop_assert_eq!(&world.violations, &Vec::<String>::new());
    }
}

#[test]
fn the_simulation_reaches_every_situation() {
    let faults = Faults {
        loss_per_mille: 100,
        jump_per_100_000: 100,
        cut_per_100_000: 100,
        restart_per_100_000: 20,
        reboot_per_100_000: 20,
        reboot_all_per_100_000: 20,
        elect_per_10_000: 10,
    };
    let mut seen = std::collections::BTreeMap::<&str, u64>::new();
    for seed in 0..24 {
        let mut world = World::new(seed, 3, faults);
        world.run(Duration::from_secs(60));
        for (what, count) in world.counts {
            *seen.entry(what).or_default() += count;
        }
    }
    for what in ["stamped by a node that is off", "stamped by the line", "stamped by the lower clock", "time not known"]
    {
        assert!(seen.get(what).is_some_and(|count| *count > 0), "{what} never occurred: {seen:?}");
    }
}

#[test]
fn downtime_is_no_leap() {
    let mut world = World::quiet(3);
    world.run(Duration::from_secs(5));
    world.reboot_all(Duration::from_secs(24 * 3_600));
    world.run(Duration::from_secs(5));
    world.check_all(OFF_MAX_MS);
    assert!(world.statuses().iter().all(|status| status.leap.is_none()));
}

#[test]
fn a_restarted_process_goes_on_where_it_was_whatever_its_clock_shows() {
    let mut world = World::quiet(3);
    world.run(Duration::from_secs(5));
    world.cut(1);
    world.set_wall(0, 3 * HOUR_MS);
    world.restart(0);
    world.run(Duration::from_secs(20));
    world.check(0, OFF_MAX_MS);
    world.check(2, OFF_MAX_MS);
    assert!(world.status(0).off_ms.is_some_and(|off| off > 2 * HOUR_MS));
}

#[test]
fn a_rebooted_node_believes_those_who_know_the_time() {
    let mut world = World::quiet(3);
    world.run(Duration::from_secs(5));
    world.cut(1);
    world.set_wall(0, -3 * HOUR_MS);
    world.reboot(0);
    world.run(Duration::from_secs(20));
    world.check(0, OFF_MAX_MS);
    world.check(2, OFF_MAX_MS);
}

#[test]
fn a_machine_that_stood_still_takes_the_others_time() {
    let mut world = World::quiet(3);
    world.run(Duration::from_secs(5));
    world.stand_still(0, Duration::from_secs(100));
    world.run(Duration::from_secs(5));
    world.check_all(OFF_MAX_MS);
    assert!(world.status(0).off_ms.is_some_and(|off| (off + 100_000).abs() < OFF_MAX_MS));
}

#[test]
fn a_long_tenure_does_not_drift_away() {
    let mut world = World::quiet(3);
    world.run(Duration::from_secs(600));
    world.check_all(OFF_MAX_MS / 2);
}

#[test]
fn one_wrong_clock_of_two_loses_against_what_is_known() {
    for wrong in [-10 * MINUTE_MS, 10 * MINUTE_MS] {
        let mut world = World::quiet(3);
        world.cut(2);
        world.set_wall(0, wrong);
        world.run(Duration::from_secs(300));
        world.check(0, OFF_MAX_MS / 2);
        world.check(1, OFF_MAX_MS / 2);
    }
}

#[test]
fn clocks_that_all_contradict_each_other_move_nothing() {
    let mut world = World::quiet(3);
    world.cut(2);
    world.set_wall(0, 10 * MINUTE_MS);
    world.set_wall(1, 20 * MINUTE_MS);
    world.run(Duration::from_secs(30));
    world.check(0, OFF_MAX_MS);
    world.check(1, OFF_MAX_MS);
}

#[test]
fn an_answer_that_took_too_long_says_nothing() {
    let regions = (1..=2).map(|id| (NodeId(id), RegionId::from_stored(format!("r{id}")))).collect();
    for (millis, source) in [(900, Source::Line), (1_100, Source::Unknown)] {
        let mut clock = ClusterClock::new(TimeRules::default(), NodeId(1), Record::default(), BootTime(0));
        let arrived = BootTime(0) + Duration::from_millis(millis);
        // At the middle of the call both clocks show the same.
        let (wall, now) = (Timestamp(1_000_000), Timestamp(1_000_000 + millis / 2));
        clock.heard(Heard { node: NodeId(2), sent: BootTime(0), arrived, wall, time: None });
        clock.look(arrived, now, &regions);
        assert_eq!(clock.status(arrived).source, source);
    }
}

#[test]
fn two_clocks_that_contradict_each_other_at_a_cold_start_give_the_lower_one() {
    for (wrong, expected) in [(2 * HOUR_MS, 0), (-2 * HOUR_MS, -2 * HOUR_MS)] {
        let mut world = World::new_down(3);
        world.cut(2);
        world.set_wall(0, wrong);
        world.run(Duration::from_secs(3));
        assert_eq!(world.status(0).source, Source::Unknown);
        world.run(Duration::from_secs(5));
        assert_eq!(world.status(0).source, Source::Lower);
        assert!((world.off(0).unwrap() - expected).abs() < OFF_MAX_MS);
        world.heal();
        world.run(Duration::from_secs(5));
        world.check_all(OFF_MAX_MS);
    }
}

#[test]
fn a_majority_that_moves_by_minutes_is_followed_at_a_bounded_rate() {
    for aim in [10 * MINUTE_MS, -10 * MINUTE_MS] {
        let mut world = World::quiet(3);
        world.run(Duration::from_secs(5));
        world.set_wall(0, aim);
        world.set_wall(1, aim);
        world.run(Duration::from_secs(100));
        let off = world.off(2).unwrap();
        assert!((off.abs() - 50_000).abs() < 3_000, "off by {off}");
        assert_eq!(off.signum(), aim.signum());
        world.run(Duration::from_secs(1_200));
        assert!((world.off(2).unwrap() - aim).abs() < OFF_MAX_MS);
    }
}

#[test]
fn a_majority_that_leaps_is_followed_when_an_operator_says_so() {
    for leap in [DAY_MS, -DAY_MS] {
        let mut world = World::quiet(3);
        world.run(Duration::from_secs(5));
        world.set_wall(0, leap);
        world.set_wall(1, leap);
        world.run(Duration::from_secs(60));
        world.check_all(OFF_MAX_MS);
        for status in world.statuses() {
            assert!((status.leap.unwrap().ahead_ms - leap).abs() < OFF_MAX_MS);
        }
        assert!((world.accept(2).unwrap().ahead_ms - leap).abs() < OFF_MAX_MS);
        world.run(Duration::from_secs(2));
        for node in 0..3 {
            assert!((world.off(node).unwrap() - leap).abs() < OFF_MAX_MS);
        }
        assert_eq!(world.accept(1), Err(NotBlocked));
        world.reboot(1);
        world.restart(0);
        world.run(Duration::from_secs(2));
        assert!((world.off(1).unwrap() - leap).abs() < OFF_MAX_MS);
    }
}

#[test]
fn a_leap_that_is_mended_needs_no_operator() {
    let mut world = World::quiet(3);
    world.run(Duration::from_secs(5));
    world.set_wall(0, DAY_MS);
    world.set_wall(1, DAY_MS);
    world.run(Duration::from_secs(5));
    world.set_wall(0, 0);
    world.run(Duration::from_secs(20));
    world.check_all(OFF_MAX_MS);
    assert!(world.statuses().iter().all(|status| status.leap.is_none()));
    assert_eq!(world.status(2).others_off_ms.len(), 1);
}
