//! What a listener's answers become: output and exit codes.

use std::net::TcpListener;

use serde_json::Value;

use super::listener::FakeListener;
use super::{Ran, run};
use crate::dev;

#[test]
fn a_command_prints_the_answer() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["status"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.starts_with("seen by node 2 in eu-west-1; plan 0\n"), "{}", ran.out);
}

#[test]
fn status_says_of_each_region_what_it_gets_and_how_it_sends() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["status"]);
    let row = |region: &str| {
        let line = ran.out.lines().find(|line| line.trim_start().starts_with(region)).unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row("eu-west-1"), "eu-west-1 serving reachable active 100.0 % SMS BADLY, and stays");
    assert_eq!(row("us-east-1"), "us-east-1 serving NOT REACHABLE evacuated 0.0 % SMS moved: 5.0 %");
    assert_eq!(row("eu-central-1"), "eu-central-1 witness reachable - - -");
    let shown: Value = serde_json::from_str(&ask(&listener, &["status", "--output", "json"]).out).unwrap();
    assert_eq!(shown["regions"][0]["share"], "100.0 %");
    assert_eq!(shown["regions"][2]["sending"], Value::Null);
}

/// Takes one screen and no more.
struct OneScreen(Vec<u8>);

impl std::io::Write for OneScreen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Err(std::io::ErrorKind::BrokenPipe.into())
    }
}

#[test]
fn watching_shows_what_is_wrong_instead_of_ending() {
    let (mut out, mut err) = (OneScreen(Vec::new()), Vec::new());
    let address = closed_port();
    let key = ["--key-id", dev::KEY_ID, "--secret", dev::SECRET];
    let arguments = ["signalbox", "status", "--watch", "1", "--endpoint", &address].into_iter().chain(key);
    let code = crate::run(arguments.map(std::ffi::OsString::from), &mut out, &mut err);
    let text = String::from_utf8(out.0).unwrap();
    assert!(text.starts_with("no region answers"), "{text}");
    assert_eq!((code, err.as_slice()), (0, &b""[..]), "who read it has seen enough");
}

#[test]
fn the_next_listener_is_asked_when_one_cannot_be_reached() {
    let listener = FakeListener::start();
    let endpoints = format!("{},{}", closed_port(), listener.address);
    let ran = with_key(&["status", "--output", "json", "--endpoint", &endpoints]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown["region"], "eu-west-1");
}

#[test]
fn nobody_there_is_said_with_every_address_that_was_tried() {
    let (first, second) = (closed_port(), closed_port());
    let ran = with_key(&["status", "--endpoint", &first, "--endpoint", &second]);
    assert_eq!((ran.code, ran.out.as_str()), (3, ""));
    let expected = format!(
        "signalbox: no region answers: {first} (connection refused), {second} (connection refused); is the cluster \
         running? (`--endpoint HOST:PORT` names a gRPC listener)\n"
    );
    assert_eq!(ran.err, expected);
}

#[test]
fn refusals_name_the_listener_and_the_remedy() {
    let listener = FakeListener::start();
    let at = listener.address;
    for (arguments, said) in [
        (vec!["cluster", "promote", "9"], format!("no node has the number 9 (not found, from {at})")),
        (
            vec!["cluster", "remove", "9"],
            format!(
                "no leader is known (unavailable, from {at}); try again in a moment, or ask another region with \
                 --endpoint"
            ),
        ),
        (
            vec!["traffic", "restore", "us-east-1", "--reason", "r"],
            format!(
                "this breaks the rule \"last_regions\" (failed precondition, from {at}); to override the named safety \
                 rule, add --override NAME"
            ),
        ),
        (
            vec!["traffic", "shift", "a=1", "--reason", "r"],
            format!(
                "the plan is 8 by now (aborted, from {at}); another change came first: look at `signalbox traffic \
                 plan` and decide again"
            ),
        ),
    ] {
        let ran = ask(&listener, &arguments);
        assert_eq!(ran, Ran { code: 1, out: String::new(), err: format!("signalbox: {said}\n") });
    }
}

#[test]
fn a_wrong_key_is_refused_and_half_a_key_is_not_sent() {
    let listener = FakeListener::start();
    let endpoint = listener.address.to_string();
    let ran = run(&["status", "--endpoint", &endpoint, "--key-id", dev::KEY_ID, "--secret", "wrong"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("the key is not known") && ran.err.contains("--key-id and --secret"), "{}", ran.err);
    let ran = run(&["status", "--endpoint", &endpoint, "--key-id", dev::KEY_ID]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1));
}

#[test]
fn a_listener_that_does_not_answer_in_time_leaves_the_outcome_open() {
    let listener = FakeListener::start();
    let arguments = ["cluster", "add", "--id", "9", "--region", "a", "--kind", "witness", "--peer", "h:1"];
    let ran = ask(&listener, &[&arguments[..], &["--grpc", "h:2", "--timeout", "50ms"]].concat());
    assert_eq!(ran.code, 3);
    assert!(
        ran.err.starts_with(&format!("signalbox: no answer from {} within 50ms;", listener.address)),
        "{}",
        ran.err
    );
}

#[test]
fn what_is_no_grpc_listener_is_told_from_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").unwrap();
    });
    let ran = with_key(&["status", "--endpoint", &address]);
    answering.join().unwrap();
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("REST listener"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
}

#[test]
fn a_change_says_what_moved_and_which_partitions_adopted_it() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["traffic", "evacuate", "us-east-1", "--reason", "carrier outage"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let expected = "plan 7 is committed:\n  us-east-1: active -> evacuated\nadopted by 0 of 2 partitions\n\
                    adopted by 1 of 2 partitions\nadopted by 2 of 2 partitions\n";
    assert_eq!(ran.out, expected);
}

#[test]
fn a_plan_is_explained_beside_the_one_before() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["traffic", "explain"]);
    let expected = "plan 7, made by developer at 2023-11-14T22:13:20Z\nwhy: carrier outage\nchanged:\n  \
                    us-east-1: active -> evacuated\n  all channels without shares of their own: eu-west-1 50.0 % -> 100.0 %\n  \
                    all channels without shares of their own: us-east-1 50.0 % -> 0.0 %\n";
    assert_eq!((ran.code, ran.out.as_str()), (0, expected), "{}", ran.err);
    let ran = ask(&listener, &["traffic", "explain", "6", "--output", "json"]);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((&shown["epoch"], &shown["changes"]), (&6.into(), &serde_json::json!([])));
    let ran = ask(&listener, &["traffic", "explain", "5"]);
    assert!(ran.code != 0 && ran.err.contains("there is no plan 5"), "{}", ran.err);
}

#[test]
fn health_says_what_moved_what_stays_and_what_was_found() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["health", "status"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for part in ["traffic moves by itself", "5.0 %", "12.2", "STAYS: eu-west-1 is frozen", "+44", "send errors 5 of 5"]
    {
        assert!(ran.out.contains(part), "{part} is missing in {}", ran.out);
    }
    let shown: Value = serde_json::from_str(&ask(&listener, &["health", "status", "--output", "json"]).out).unwrap();
    assert_eq!(shown["channels"][0]["not_followed"], Value::Null);
    assert_eq!(shown["findings"][0]["advice"], "hold");
}

#[test]
fn a_dry_run_changes_and_waits_for_nothing() {
    let listener = FakeListener::start();
    let arguments = ["traffic", "evacuate", "us-east-1", "--reason", "r", "--dry-run"];
    let expected = "dry run, nothing is changed; plan 7 would be:\n  us-east-1: active -> evacuated\n";
    assert_eq!(ask(&listener, &arguments), Ran { code: 0, out: expected.to_owned(), err: String::new() });
    let ran = ask(&listener, &[&arguments[..], &["--output", "json"]].concat());
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown["committed"], false);
    assert_eq!(shown["plan"]["regions"]["us-east-1"], "evacuated");
}

#[test]
fn accepting_a_leap_shows_both_times_and_a_dry_run_changes_nothing() {
    let listener = FakeListener::start();
    let times = "cluster time  2023-11-14T22:13:20Z\nwall clocks   2023-11-15T23:13:20Z  90000.0 s ahead\n";
    let ran = ask(&listener, &["cluster", "accept-time", "--dry-run"]);
    assert_eq!(ran.out, format!("dry run, nothing is changed; the wall clocks would be taken for the time:\n{times}"));
    let ran = ask(&listener, &["cluster", "accept-time"]);
    assert_eq!(ran.out, format!("the wall clocks are taken for the time:\n{times}"));
    let ran = ask(&listener, &["cluster", "accept-time", "--output", "json"]);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((shown["ahead_ms"].as_i64(), shown["accepted"].as_bool()), (Some(90_000_000), Some(true)));
}

#[test]
fn what_has_no_way_back_is_said_before_it_is_done() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["cluster", "raise-version"]);
    assert!(ran.out.starts_with("nothing is changed; with --yes"), "{}", ran.out);
    assert!(ran.out.contains("NO WAY BACK") && ran.out.contains("0.2.0 (1-2)"), "{}", ran.out);
    let ran = ask(&listener, &["cluster", "raise-version", "--yes"]);
    assert!(ran.out.starts_with("all groups were raised from apply version 1 to 2\n"), "{}", ran.out);
    let ran = ask(&listener, &["cluster", "raise-version", "--to", "1"]);
    assert!(ran.out.starts_with("the cluster is at apply version 1;"), "{}", ran.out);
    let ran = ask(&listener, &["cluster", "raise-version", "--yes", "--output", "json"]);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((shown["raised"].as_bool(), shown["nodes"][0]["newest_version"].as_u64()), (Some(true), Some(2)));
}

#[test]
fn status_says_what_an_upgrade_lacks() {
    let listener = FakeListener::start();
    let under_way = ask(&listener, &["status"]).out;
    assert!(under_way.contains("different apply versions, 1 and 2: an upgrade is under way"), "{under_way}");
    let to_do = ask(&listener, &["status"]).out;
    assert!(to_do.contains("every node knows apply version 2, groups are at 1"), "{to_do}");
}

#[test]
fn programs_get_one_document_after_a_change() {
    let listener = FakeListener::start();
    let ran = ask(&listener, &["traffic", "evacuate", "us-east-1", "--reason", "r", "--output", "json"]);
    let shown: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(shown["committed"], true);
    assert_eq!(shown["adoption"][1]["epoch"], 7);
}

#[test]
fn sent_messages_are_followed_until_they_are_settled() {
    let listener = FakeListener::start();
    let send = ["send", "--app", "a", "--channel", "SMS", "--text", "hi", "--watch", "--output", "json"];
    let ran = ask(&listener, &[&send[..], &["--to", "+1"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["results"][0]["status"], "accepted");
    let statuses: Vec<&Value> = lines[1..].iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, ["waiting", "delivered"]);
}

#[test]
fn what_was_not_delivered_or_not_accepted_is_a_failure() {
    let listener = FakeListener::start();
    let send = ["send", "--app", "a", "--channel", "SMS", "--text", "hi"];
    let ran = ask(&listener, &[&send[..], &["--watch", "--to", "+1", "--to", "+2"]].concat());
    assert_eq!((ran.code, ran.err.as_str()), (1, "signalbox: messages that were not delivered: 1\n"));
    let ran = ask(&listener, &[&send[..], &["--to", "+1", "--to", "+3"]].concat());
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "signalbox: recipients that got no message: 1; the answer says why\n")
    );
    let ran = ask(&listener, &["message", "watch", "+2"]);
    assert_eq!((ran.code, ran.err.as_str()), (1, "signalbox: the message was not delivered\n"));
    let ran = ask(&listener, &["message", "watch", "+9"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (1, "signalbox: the updates ended before every message was settled; not settled: 1\n")
    );
}

fn ask(listener: &FakeListener, arguments: &[&str]) -> Ran {
    let endpoint = listener.address.to_string();
    with_key(&[arguments, &["--endpoint", &endpoint]].concat())
}

/// Runs with the development key, whatever the environment holds.
fn with_key(arguments: &[&str]) -> Ran {
    run(&[arguments, &["--key-id", dev::KEY_ID, "--secret", dev::SECRET]].concat())
}

/// Returns an address on which nobody listens.
fn closed_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
