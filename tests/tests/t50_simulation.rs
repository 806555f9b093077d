//! What happens when regions are cut off, lose power, lose their disks, are asked to stop: the promises hold, on many
//! seeds. And the checks that say so can fail: with something broken on purpose they do.

use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many simulations run at the same time.
const JOBS: u64 = 2;
/// The seeds that are run every time.
const SEEDS: std::ops::Range<u64> = 1..9;
/// The same where one region has two nodes, where one is a witness, and where nodes are only killed.
const SEEDS_OF_A_PAIR: std::ops::Range<u64> = 1..5;
const SEEDS_OF_A_WITNESS: std::ops::Range<u64> = 1..5;
const SEEDS_OF_CRASHES: std::ops::Range<u64> = 1..4;
/// The same where nodes are asked for more than they have room for.
const SEEDS_OF_OVERLOAD: std::ops::Range<u64> = 1..4;
/// The same where days go by.
const SEEDS_OF_RETENTION: std::ops::Range<u64> = 1..5;
/// The same where members come and go, for so many seconds each.
const SEEDS_OF_MEMBERS: std::ops::Range<u64> = 1..5;
const SECONDS_OF_MEMBERS: &str = "60";
/// The seeds that are run every time of scenes in which nothing goes wrong but lines between two regions: half of them
/// have a witness where the scene does. For so many seconds each: two cuts.
const SEEDS_OF_LINES: std::ops::Range<u64> = 1..7;
const SECONDS_OF_LINES: &str = "60";
/// The same where two lines are cut at once: among fewer seeds nobody misses a plan that its leader can't carry.
const SEEDS_OF_CROSSED: std::ops::Range<u64> = 1..16;
/// The seeds that are run every time while nodes are upgraded and put back, for so many seconds each.
const SEEDS_OF_UPGRADES: std::ops::Range<u64> = 1..7;
const SECONDS_OF_UPGRADES: &str = "60";
/// The scene in which nodes are only killed, and so the most of them.
const CRASHES: [&str; 2] = ["--scene", "crashes"];
/// The check that looks at every permit in every few steps.
const NO_PERMIT: &str = "p1_no_permit_on_what_is_out_of_date";
/// Among how many seeds one must find each break.
const SEEDS_OF_A_BREAK: std::ops::Range<u64> = 1..101;

#[test]
fn every_promise_holds_whatever_goes_wrong() {
    nothing_is_found(SEEDS, &[]);
}

#[test]
fn every_promise_holds_where_a_region_has_two_nodes() {
    nothing_is_found(SEEDS_OF_A_PAIR, &["--layout", "pair"]);
}

#[test]
fn every_promise_holds_while_members_come_and_go() {
    nothing_is_found(SEEDS_OF_MEMBERS, &["--layout", "spare", "--seconds", SECONDS_OF_MEMBERS]);
}

#[test]
fn every_promise_holds_with_a_witness() {
    nothing_is_found(SEEDS_OF_A_WITNESS, &["--layout", "witness"]);
}

#[test]
fn every_promise_holds_where_nodes_are_killed_again_and_again() {
    nothing_is_found(SEEDS_OF_CRASHES, &CRASHES);
}

#[test]
fn every_promise_holds_where_too_much_is_asked_for() {
    nothing_is_found(SEEDS_OF_OVERLOAD, &["--scene", "overload"]);
}

#[test]
fn every_promise_holds_while_what_is_old_goes() {
    nothing_is_found(SEEDS_OF_RETENTION, &["--scene", "retention"]);
}

#[test]
fn a_cut_line_stops_nothing_that_goes_around_it() {
    nothing_is_found(SEEDS_OF_LINES, &["--scene", "lines", "--seconds", SECONDS_OF_LINES]);
}

#[test]
fn builds_side_by_side_keep_every_promise() {
    nothing_is_found(SEEDS_OF_UPGRADES, &["--scene", "upgrade", "--seconds", SECONDS_OF_UPGRADES]);
}

#[test]
fn where_no_region_hears_all_others_the_share_shifts() {
    nothing_is_found(SEEDS_OF_CROSSED, &["--scene", "crossed", "--seconds", SECONDS_OF_LINES]);
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    let runs = in_parallel(0..2, |_| Some(trace_of(&simulate(&["--seed", "4711"]))));
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], trace_of(&simulate(&["--seed", "4712"])));
}

#[test]
fn logging_changes_nothing() {
    let arguments = ["--seed", "4711", "--seconds", "8"];
    let silent = trace_of(&simulate(&arguments));
    let logging = command(&arguments).env("RUST_LOG", "debug").stderr(Stdio::null()).output();
    assert_eq!(silent, trace_of(&logging.expect("the simulation can be started")));
}

#[test]
fn a_lying_disk_is_found_out() {
    finds_out("no_sync", &["p2_acknowledged_writes_survive", "p3_accepted_messages_are_kept"]);
}

#[test]
fn a_message_handed_over_twice_is_found_out() {
    finds_out("twice", &["p4_at_most_once", "p4_twice_only_when_cut_off"]);
}

#[test]
fn sending_without_a_lease_is_found_out() {
    finds_out("no_lease", &["p1_no_dispatch_after_an_acknowledged_opt_out"]);
}

#[test]
fn a_driver_that_does_not_ask_is_found_out() {
    let checks = [
        "p1_no_dispatch_after_an_acknowledged_opt_out",
        "p1_no_dispatch_after_an_acknowledged_deletion",
        "p5_an_evacuated_region_begins_nothing",
    ];
    finds_out("no_begin", &checks);
}

#[test]
fn acknowledging_without_a_fence_is_found_out() {
    let arguments = ["--layout", "pair", "--break", "no_fence"];
    finds_out_with(&arguments, &["p1_no_dispatch_after_an_acknowledged_opt_out"]);
}

#[test]
fn claims_that_outlive_their_incarnation_are_found_out() {
    finds_out("same_incarnation", &["p4_at_most_once"]);
}

#[test]
fn messages_that_nobody_takes_over_are_found_out() {
    finds_out_with(&["--layout", "witness", "--break", "no_takeover"], &["p3_everything_comes_to_rest"]);
}

#[test]
fn stamping_by_a_wall_clock_is_found_out() {
    finds_out("wall_stamps", &["time_follows_no_single_clock"]);
}

#[test]
fn a_journal_that_is_not_found_is_found_out() {
    finds_out("no_journal", &["p4_held_only_what_began"]);
}

#[test]
fn a_journal_that_says_too_little_is_found_out() {
    finds_out_with(&[&CRASHES[..], &["--break", "no_note"]].concat(), &["p4_at_most_once"]);
}

#[test]
fn a_line_of_an_earlier_boot_is_found_out() {
    finds_out_with(&[&CRASHES[..], &["--break", "same_boot"]].concat(), &["time_follows_no_single_clock"]);
}

#[test]
fn a_journal_of_an_earlier_boot_is_found_out() {
    finds_out("same_boot", &["p4_at_most_once"]);
}

#[test]
fn what_is_done_and_answered_as_refused_is_found_out() {
    finds_out_with(&["--scene", "overload", "--break", "denies"], &["p2_acknowledged_writes_survive"]);
}

#[test]
fn what_is_left_lying_is_found_out() {
    finds_out("lingers", &["p3_expired_only_with_cause"]);
}

#[test]
fn a_leader_that_keeps_what_it_can_not_serve_is_found_out() {
    let checks = ["p6_new_messages_flow_past_a_cut_line", "p6_waiting_messages_flow_past_a_cut_line"];
    finds_out_with(&["--scene", "lines", "--seconds", SECONDS_OF_LINES, "--break", "no_hand_over"], &checks);
}

#[test]
fn a_lease_that_does_not_end_in_suspend_is_found_out() {
    finds_out("stands_asleep", &[NO_PERMIT]);
}

#[test]
fn a_version_that_is_raised_without_asking_is_found_out() {
    let arguments = ["--scene", "upgrade", "--seconds", SECONDS_OF_UPGRADES, "--break", "unasked"];
    finds_out_with(&arguments, &["a_version_waits_for_every_build"]);
}

#[test]
fn a_node_that_goes_on_without_room_is_found_out() {
    finds_out("silent_full", &["a_full_disk_stops_its_node"]);
}

#[test]
fn a_leader_that_is_always_sure_is_found_out() {
    finds_out("fresh_evidence", &[NO_PERMIT]);
}

#[test]
fn voters_that_forget_their_leader_are_found_out() {
    finds_out("unnoted_heartbeats", &["p3_everything_comes_to_rest"]);
}

#[test]
fn leases_without_what_was_acknowledged_are_found_out() {
    finds_out("needs_no_commit", &[NO_PERMIT]);
}

#[test]
fn a_tenure_that_waits_for_nobody_is_found_out() {
    finds_out("no_tenure_wait", &[NO_PERMIT]);
}

/// Requires that no check finds anything with these seeds.
fn nothing_is_found(seeds: std::ops::Range<u64>, arguments: &[&str]) {
    let failures = in_parallel(seeds, |seed| {
        let output = simulate(&[&["--seed", &seed.to_string()], arguments].concat());
        (!output.status.success()).then(|| text(&output))
    });
    assert!(failures.is_empty(), "{} seeds failed:\n{}", failures.len(), failures.join("\n"));
}

/// Requires that each of these checks finds a break on some seed.
fn finds_out(broken: &str, checks: &[&str]) {
    finds_out_with(&["--break", broken], checks);
}

fn finds_out_with(arguments: &[&str], checks: &[&str]) {
    let mut missing: Vec<String> = checks.iter().map(|check| format!("VIOLATION {check}")).collect();
    for seed in SEEDS_OF_A_BREAK {
        let seed = seed.to_string();
        let found = text(&simulate(&[&["--seed", &seed], arguments].concat()));
        missing.retain(|violation| !found.contains(violation));
        if missing.is_empty() {
            return;
        }
    }
    panic!("no seed of {SEEDS_OF_A_BREAK:?} found {missing:?}");
}

fn simulate(arguments: &[&str]) -> Output {
    command(arguments).output().expect("the simulation can be started")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox-sim"));
    command.args(arguments);
    command
}

fn text(output: &Output) -> String {
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    format!("{out}{error}")
}

fn trace_of(output: &Output) -> String {
    let text = text(output);
    let trace = text.split_whitespace().find(|word| word.starts_with("trace="));
    trace.unwrap_or_else(|| panic!("no trace in: {text}")).to_owned()
}

/// Runs a closure for every seed, a few at a time, and returns what it returned, in no particular order.
fn in_parallel<T: Send>(seeds: std::ops::Range<u64>, run: impl Fn(u64) -> Option<T> + Sync) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        let mut results = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if !seeds.contains(&seed) {
                return results;
            }
            results.extend(run(seed));
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..JOBS).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker doesn't panic")).collect()
    })
}
