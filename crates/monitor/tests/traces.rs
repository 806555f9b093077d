//! The traces of the health specification: what must be decided is, in its time, and nothing else is moved. And traces
//! that can't be read: the refusal names the file and what in it.

use std::path::{Path, PathBuf};

use monitor::{Replay, ReplayedDecision, TraceError, TraceHeader};
use serde::Deserialize;
use serde_json::{Value, json};
use traffic::health::HealthSettings;

/// What a trace says must be decided, and what the reference decided.
#[derive(Deserialize)]
struct Expectations {
    expect: Vec<Expected>,
    reference_decisions: Vec<Reference>,
}

#[derive(Deserialize)]
struct Expected {
    action: String,
    region: String,
    scope: String,
    not_before: u64,
    not_after: u64,
}

#[derive(Deserialize)]
struct Reference {
    action: String,
    region: String,
    scope: String,
}

fn traces() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/traces");
    let files = std::fs::read_dir(folder).expect("the folder of traces").map(|entry| entry.expect("a file").path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|ext| ext == "json")).collect();
    files.sort();
    files
}

fn replay(file: &Path, settings: HealthSettings) -> Vec<ReplayedDecision> {
    let header = TraceHeader::read(file).expect("a header");
    let mut replay = Replay::open(file, &header, settings).expect("a trace");
    let mut decisions = Vec::new();
    while let Some(made) = replay.step().expect("a second") {
        decisions.extend(made);
    }
    decisions
}

fn expectations(file: &Path) -> Expectations {
    serde_json::from_slice(&std::fs::read(file).expect("a trace")).expect("expectations")
}

/// What is wrong with the decisions: by the rules of the specification's `check.py`.
fn wrong(expectations: &Expectations, decisions: &[ReplayedDecision]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut shifts: Vec<&ReplayedDecision> = decisions.iter().filter(|decision| decision.action == "shift").collect();
    for expected in &expectations.expect {
        let Expected { action, region, scope, not_before, not_after } = expected;
        let same =
            |made: &&ReplayedDecision| (made.action, &made.region, &made.scope) == (action.as_str(), region, scope);
        let at: Vec<u64> = decisions.iter().filter(same).map(|decision| decision.t).collect();
        match at.iter().find(|at| (not_before..=not_after).contains(at)) {
            Some(at) => shifts.retain(|shift| !(same(shift) && shift.t == *at)),
            None => wrong.push(format!("no {action} of {region} {scope} in {not_before}..={not_after}, but at {at:?}")),
        }
        if at.first().is_some_and(|at| at < not_before) {
            wrong.push(format!("{action} of {region} {scope} too early: {at:?}"));
        }
    }
    wrong.extend(shifts.iter().map(|shift| format!("an unexpected shift: {shift:?}")));
    wrong
}

#[test]
fn all_traces_are_decided_as_the_specification_says() {
    let traces = traces();
    assert_eq!(8, traces.len(), "the specification has eight traces");
    for file in traces {
        let decisions = replay(&file, HealthSettings::default());
        let wrong = wrong(&expectations(&file), &decisions);
        assert!(wrong.is_empty(), "{}: {wrong:#?}", file.display());
    }
}

/// Not in the same seconds: the detector may be sooner where the other regions are clearly better, and asks for more proof
/// where little was sent.
#[test]
fn what_is_moved_is_what_the_reference_moves() {
    for file in traces() {
        let moved = |made: &(&str, &str, &str)| made.0 != "hold";
        let own = replay(&file, HealthSettings::default());
        let own: Vec<_> = own.iter().map(|made| (made.action, &*made.region, &*made.scope)).filter(moved).collect();
        let expectations = expectations(&file);
        let reference =
            expectations.reference_decisions.iter().map(|made| (&*made.action, &*made.region, &*made.scope));
        let reference: Vec<_> = reference.filter(moved).collect();
        assert_eq!(reference, own, "{}", file.display());
    }
}

/// A trace of ten seconds with one cell in each of two regions.
fn small_header() -> Value {
    let curve: Vec<f64> = (0..257).map(|age| f64::from(age) / 256.0).collect();
    json!({
        "name": "small", "ticks": 10, "regions": ["a", "b"], "carriers": ["c"], "customers": ["k"], "share": [1.0],
        "cshare": [1.0], "normal_rate": [1.0, 1.0], "observers": 3, "d2_s": 64, "event_cdf_by_age_s": curve,
        "baseline": {"send_error": [0.02, 0.02], "no_event_by_d2": 0.2, "throttle": 0.002},
    })
}

const COLUMNS: &str =
    "t,region,carrier,customer,sends,errors,throttled,rejected,ev_0_16s,ev_17_64s,ev_65_255s,ev_older,missed_d2\n";

/// Replays a trace that is made of these, and says why it was refused.
fn refusal(header: &Value, rows: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("small.json");
    std::fs::write(&file, header.to_string()).expect("a header");
    std::fs::write(file.with_extension("csv"), format!("{COLUMNS}{rows}")).expect("a table");
    let replayed = || -> Result<(), TraceError> {
        let header = TraceHeader::read(&file)?;
        let mut replay = Replay::open(&file, &header, HealthSettings::default())?;
        while replay.step()?.is_some() {}
        Ok(())
    };
    let error = replayed().expect_err("a refusal");
    let causes = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    let text = causes.map(ToString::to_string).collect::<Vec<_>>().join(": ");
    text.replace(&folder.path().display().to_string(), "DIR")
}

#[test]
fn lines_that_cannot_be_are_refused_by_their_number() {
    let cases = [
        ("0,2,0,0,1,,,,,,,,\n", "DIR/small.csv, line 2: region is 2, and the header names 2, counted from 0"),
        ("0,0,1,0,1,,,,,,,,\n", "DIR/small.csv, line 2: carrier is 1, and the header names 1, counted from 0"),
        ("0,0,0,1,1,,,,,,,,\n", "DIR/small.csv, line 2: customer is 1, and the header names 1, counted from 0"),
        ("0,0,0,0,3,2,1,1,,,,,\n", "DIR/small.csv, line 2: errors, throttled and rejected are more than sends"),
        ("10,0,0,0,1,,,,,,,,\n", "DIR/small.csv, line 2: t is 10, and the header says that there are 10 seconds"),
        (
            "5,0,0,0,1,,,,,,,,\n4,0,0,0,1,,,,,,,,\n",
            "DIR/small.csv, line 3: t is 4 after 5: lines must be in the order of time",
        ),
    ];
    for (rows, expected) in cases {
        assert_eq!(expected, refusal(&small_header(), rows));
    }
    let text = refusal(&small_header(), "0,0,0,0,many,,,,,,,,\n");
    assert!(text.starts_with("DIR/small.csv is not a table of counts") && text.contains("line: 2"), "{text}");
}

#[test]
fn headers_that_do_not_fit_together_are_refused_by_their_member() {
    let cases = [
        ("regions", json!([]), "DIR/small.json: regions must name at least one"),
        ("share", json!([0.5, 0.5]), "does not fit together: destination_shares has 2 values, and 1 are needed"),
        ("cshare", json!([2.0]), "app_shares has the value 2, which is not a share from 0 to 1"),
        ("d2_s", json!(257), "late_after is 257 s, and must be from 1 to 256"),
        (
            "event_cdf_by_age_s",
            json!([0.0, 1.0]),
            "a delay curve has 256 seconds and one value more, and this one has 2",
        ),
        ("heartbeat_missing", json!([{"r": 2, "t0": 0}]), "heartbeat_missing names region 2, and there are 2"),
        (
            "baseline",
            json!({"send_error": [0.1], "no_event_by_d2": 0.2, "throttle": 0.0}),
            "has 1 values for 2 regions",
        ),
        ("ticks", json!("ten"), "DIR/small.json is not the header of a trace"),
    ];
    for (member, value, expected) in cases {
        let mut header = small_header();
        header[member] = value;
        let text = refusal(&header, "");
        assert!(text.contains(expected), "{member}: {text}");
    }
}
