//! What can be typed.

use clap::{CommandFactory, Parser};

use super::run;
use crate::cli::Cli;
use crate::durations::{parse_any_duration, parse_duration};

#[test]
fn the_arguments_are_well_formed() {
    Cli::command().debug_assert();
}

/// Where help is broken without a terminal; an example on two lines can't be copied.
const HELP_WIDTH: usize = 100;

#[test]
fn the_help_of_every_command_has_an_example_of_it() {
    fn check(command: &clap::Command, path: &str) {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(help.contains("Example") && help.contains(path), "{path}: {help}");
        let broken = help.lines().find(|line| line.starts_with("  ") && line.len() > HELP_WIDTH);
        assert_eq!(broken, None, "{path}");
        command.get_subcommands().for_each(|inner| check(inner, &format!("{path} {}", inner.get_name())));
    }
    check(&Cli::command(), "signalbox");
}

#[test]
fn every_command_takes_what_its_help_shows() {
    for line in [
        "dev",
        "dev --base-port 5100 --folder /tmp/x --mode warm_standby --fresh",
        "dev kill us-east-1 --base-port 5100 --folder /tmp/x",
        "dev start us-east-1",
        "dev stop us-east-1",
        "dev status",
        "serve --config a.toml",
        "serve --until-stdin-closes --config a.toml --set a.b=1 --set c.d=2 --log-format json",
        "check-config a.toml --set a.b=1",
        "status",
        "status --endpoint a:1,b:2 --endpoint c:3 --key-id k --secret s --timeout 5s --output json",
        "traffic plan --output json --endpoint 127.0.0.1:4201",
        "traffic history --limit 5 --before 7",
        "traffic shift a=1 b=2 --channel sms --reason r",
        "traffic shift a=1 --channel sms --destination +44 --reason r",
        "traffic shift --inherit --channel sms --destination +44 --reason r",
        "traffic shift a=1 --app 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a --reason r",
        "traffic evacuate a --reason r --dry-run --override last_regions --override x --parent 3",
        "traffic restore a --reason r --no-wait",
        "traffic restore a --reason r --even-if-not-ready a --even-if-not-ready b",
        "traffic failover a b --reason r",
        "traffic failback a b --reason r",
        "traffic freeze a --reason r",
        "traffic freeze --channel sms --reason r",
        "traffic unfreeze --all --reason r",
        "status --watch",
        "status --watch 5",
        "cluster add --id 4 --region a --peer h:1 --grpc h:2 --rest-url http://h:3",
        "cluster add --id 4 --region a --kind witness --peer h:1 --grpc h:2",
        "cluster promote 4",
        "cluster remove 4",
        "cluster transfer --group 0 --to 2",
        "cluster accept-time --dry-run",
        "cluster raise-version",
        "cluster raise-version --to 2 --yes",
        "app create shop --tag a=b --tag c=d",
        "app get x",
        "app delete x",
        "channel put --app x --channel CUSTOM --class at_most_once --enabled false",
        "channel get --app x --channel EMAIL",
        "channel delete --app x --channel SMS",
        "endpoint put --app x jo --channel SMS --address +1 --attribute a=b|c --metric m=1.5 --user u --opt-out all",
        "endpoint put --app x jo --no-user --status inactive --user-attribute a=",
        "endpoint get --app x jo --linearizable",
        "endpoint delete --app x jo",
        "send --app x --channel SMS --to +12065550100 --to +1 --text hi --purpose promotional --watch",
        "send --app x --channel EMAIL --to-endpoint jo --subject s --html h --reply-to a --class at-least-once",
        "send --app x --channel CUSTOM --to http://a --data {} --time-to-live 100h --context a=b --substitute N=v",
        "message get x",
        "message watch x",
        "message watch --app x --after 1=2 --after 3=4",
        "held list --app x",
        "held resolve a b --as give_up",
        "opt-out put --app A --channel SMS +12065559999",
        "opt-out get --app A --channel SMS +12065559999",
        "opt-out delete --app A --channel SMS +12065559999",
        "opt-out list --app A",
        "opt-out list --app A --channel SMS +1 --limit 5",
        "accounting --app A --output json",
        "completions bash",
    ] {
        Cli::try_parse_from(words(line)).unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[test]
fn what_makes_no_sense_is_a_usage_error() {
    for line in [
        "",
        "status --endpoint localhost",
        "status --timeout 0s",
        "status --output yaml",
        "dev --base-port 80",
        "dev --mode both",
        "traffic evacuate a",
        "traffic shift --reason r",
        "traffic freeze --reason r",
        "traffic freeze a --all --reason r",
        "traffic shift a=1 --destination +44 --reason r",
        "traffic shift a=1 --channel sms --app x --reason r",
        "traffic shift a=1 --inherit --channel sms --reason r",
        "traffic shift a=x --reason r",
        "cluster add --id 4 --region a --kind both --peer h:1 --grpc h:2",
        "opt-out put --app A --channel FAX +1",
        "opt-out list --app A --channel SMS",
        "endpoint put --app x jo --user u --no-user",
        "send --app x --channel SMS --text hi",
        "message watch",
        "message watch x --app y",
        "held resolve --as resend",
        "held resolve a --as maybe",
    ] {
        let error = Cli::try_parse_from(words(line)).map(|_| line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn arguments_that_contradict_each_other_are_told_apart_before_anybody_is_asked() {
    for (line, said) in [
        ("cluster add --id 4 --region a --peer h:1 --grpc h:2", "a serving node needs --rest-url"),
        (
            "cluster add --id 4 --region a --kind witness --peer h:1 --grpc h:2 --rest-url http://h:3",
            "a witness has no",
        ),
        ("channel put --app x --channel EMAIL --from-address a@b.c", "EMAIL needs --from-address and --identity"),
        ("channel put --app x --channel SMS --identity a", "are for EMAIL"),
        ("channel put --app x --channel CUSTOM --sender-id a", "are for SMS"),
        ("channel put --app x --channel GCM", "only EMAIL, SMS and CUSTOM"),
        ("send --app x --channel SMS --to +1", "SMS needs --text"),
        ("send --app x --channel EMAIL --to a@b.c --text a", "EMAIL needs --subject"),
        ("send --app x --channel EMAIL --to a@b.c --subject a", "EMAIL needs --text, --html"),
        ("send --app x --channel CUSTOM --to http://a --text a", "CUSTOM needs --data"),
    ] {
        let ran = run(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{line}");
        assert!(ran.err.contains(said), "{line}: {}", ran.err);
    }
}

#[test]
fn times_have_units_and_bounds() {
    for (text, ms) in [("30", 30_000), ("10s", 10_000), ("500ms", 500), ("5m", 300_000), ("24h", 86_400_000)] {
        assert_eq!(parse_duration(text).map(|time| time.as_millis()), Ok(ms), "{text}");
    }
    for text in ["", "s", "0", "-1s", "1.5s", "1d", "25h", "99999999999999999999s"] {
        assert!(parse_duration(text).is_err(), "{text}");
    }
    assert_eq!(parse_any_duration("72h").map(|time| time.as_secs()), Ok(259_200));
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    std::iter::once("signalbox").chain(line.split_whitespace())
}
