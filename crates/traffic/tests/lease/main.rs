//! The lease under fire: three nodes with drifting clocks, over a network that loses, delays and reorders, with
//! partitions, crashes, elections and transfers, for as many seeds as one likes (`PROPTEST_CASES`). The machines under
//! test are the crate's; consensus around them is a plain Raft of the test's own (`node.rs`), and `world.rs` watches
//! what the promises say from outside, with everybody's knowledge at once.

mod network;
mod node;
mod watch;
mod world;

use proptest::prelude::*;

use world::{Faults, World};

/// How long each run lasts, in ticks of a millisecond; a lease is 100 of them.
const TICKS: u64 = 3_000;

fn faults() -> impl Strategy<Value = Faults> {
    (0..400_u32, 0..200_u32, 0..6_u32, 0..4_u32, 0..4_u32).prop_map(|(loss, slow, cut, crash, transfer)| Faults {
        loss_per_mille: loss,
        slow_per_mille: slow,
        cut_per_mille: cut,
        crash_per_10_000: crash * 3,
        transfer_per_10_000: transfer * 5,
    })
}

proptest! {
    #[test]
    fn nothing_begins_after_its_fence_or_its_move(seed: u64, faults in faults()) {
        let watch = World::new(seed, faults).run(TICKS);
        prop_assert_eq!(watch.violation, None);
    }
}

#[test]
fn the_simulation_reaches_every_situation() {
    let faults = Faults {
        loss_per_mille: 100,
        slow_per_mille: 100,
        cut_per_mille: 3,
        crash_per_10_000: 5,
        transfer_per_10_000: 8,
    };
    let mut seen = std::collections::BTreeMap::<&str, u64>::new();
    for seed in 0..24 {
        for (what, count) in World::new(seed, faults).run(TICKS).counts {
            *seen.entry(what).or_default() += count;
        }
    }
    for what in [
        "acknowledged by fences",
        "acknowledged by lapse",
        "begun",
        "became usable at its need",
        "extended",
        "refused: behind",
        "refused: earlier incarnation",
        "refused: taking over",
        "refused: transferring",
        "refused: unsure",
        "takeover of a lapsed region",
        "takeover of a drained region",
        "tenure by election",
        "tenure by transfer",
    ] {
        assert!(seen.get(what).is_some_and(|count| *count > 0), "{what} never happened: {seen:?}");
    }
}

#[test]
fn without_faults_leases_hold_and_everything_is_acknowledged() {
    for seed in 0..8 {
        let watch = World::new(seed, Faults::default()).run(TICKS);
        assert_eq!(watch.violation, None);
        let begun = watch.counts.get("begun").copied().unwrap_or(0);
        let acknowledged = watch.counts.get("acknowledged by fences").copied().unwrap_or(0);
        assert!(begun > 300 && acknowledged > 50, "seed {seed}: {:?}", watch.counts);
    }
}
