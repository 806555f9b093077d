//! `signalbox health replay`: what a trace says, in words and for programs, and what is refused.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::run;

fn trace(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../monitor/tests/traces").join(name)
}

fn replay(name: &str, more: &[&str]) -> super::Ran {
    let file = trace(name);
    let mut arguments = vec!["health", "replay", file.to_str().unwrap()];
    arguments.extend(more);
    run(&arguments)
}

#[test]
fn decisions_are_a_list_for_programs() {
    let ran = replay("g05_carrier_unreachable_from_one_region.json", &["--output", "json"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let decisions: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
    let [decision] = decisions.as_slice() else { panic!("{decisions:?}") };
    assert_eq!(
        (&decision["region"], &decision["action"], &decision["scope"]),
        (&Value::from("eu-west"), &Value::from("shift"), &Value::from("carrier:c2"))
    );
    assert!((91..=105).contains(&decision["t"].as_u64().unwrap()), "{decision}");
    assert!(decision["evidence"].as_str().unwrap().contains("eu-west to c2: send errors"), "{decision}");
}

#[test]
fn what_moves_nothing_is_told_with_its_reason() {
    let ran = replay("g04_carrier_down_everywhere.json", &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("SECOND  REGION"), "{}", ran.out);
    assert!(ran.out.contains("downstream:c1") && ran.out.contains("not moving"), "{}", ran.out);
    let ran = replay("g07_quiet_burst_and_blips.json", &[]);
    assert_eq!(ran.out, "g07_quiet_burst_and_blips: 150 seconds, and nothing to decide\n");
    let ran = replay("g07_quiet_burst_and_blips.json", &["--output", "json"]);
    assert_eq!(ran.out, "[]\n");
}

#[test]
fn a_higher_threshold_asks_for_more() {
    let second = |threshold: &str| -> u64 {
        let ran = replay("g02_region_errors_20pct.json", &["--threshold", threshold, "--output", "json"]);
        let decisions: Vec<Value> = serde_json::from_str(&ran.out).unwrap();
        decisions.iter().find(|decision| decision["action"] == "shift").unwrap()["t"].as_u64().unwrap()
    };
    assert!(second("30") > second("10"));
}

#[test]
fn what_is_no_trace_is_refused_with_file_and_reason() {
    let ran = run(&["health", "replay", "/nowhere.json"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.starts_with("signalbox: failed to read /nowhere.json: No such file"), "{}", ran.err);
    let ran = replay("README.md", &[]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("README.md is not the header of a trace: expected value at line 1"), "{}", ran.err);
    let ran = replay("g02_region_errors_20pct.json", &["--threshold", "1"]);
    assert_eq!((ran.code, ran.err.as_str()), (2, "signalbox: threshold must be from 4 to 100 nats, and is 1\n"));
}
