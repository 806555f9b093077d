//! Every alarm is written down in docs/alarms.md with what to do, as it is told by the program, and is raised in a test.

use std::path::{Path, PathBuf};

use model::alarm::ALARM_NAMES;

/// Where tests raise alarms.
const RAISING: &[&str] = &[
    "crates/monitor/src/conditions/tests.rs",
    "crates/replication/src/members/alarms.rs",
    "crates/replication/src/time/alarms.rs",
];

#[test]
fn the_table_is_what_the_program_tells() {
    let expected: Vec<String> = ALARM_NAMES
        .iter()
        .map(|name| format!("| `{name}` | {} | {} | {} |", name.severity().as_str(), name.condition(), name.remedy()))
        .collect();
    assert_eq!(rows(&read("docs/alarms.md")), expected);
}

#[test]
fn every_alarm_is_raised_in_a_test() {
    let tests: String = RAISING.iter().map(|file| tests_of(&read(file))).collect();
    let missing: Vec<String> = ALARM_NAMES
        .iter()
        .map(|name| format!("AlarmName::{name:?}"))
        .filter(|name| !words(&tests).any(|word| word == name))
        .collect();
    assert!(missing.is_empty(), "no test of {RAISING:?} raises {missing:?}");
}

#[test]
fn a_table_that_lacks_an_alarm_or_tells_another_remedy_is_found() {
    let markdown = "# A\n\n| alarm | severity |\n|---|---|\n| `a` | critical |\ntext | of `b`\n| `c` | warning |\n";
    assert_eq!(rows(markdown), ["| `a` | critical |", "| `c` | warning |"]);
    let source = "fn f() { AlarmName::RegionLost }\n#[cfg(test)]\nmod tests { AlarmName::LineCut }";
    assert!(!words(&tests_of(source)).any(|word| word == "AlarmName::RegionLost"));
    assert!(words(&tests_of(source)).any(|word| word == "AlarmName::LineCut"));
}

/// The rows of a table whose first cell is a name.
fn rows(markdown: &str) -> Vec<&str> {
    markdown.lines().filter(|line| line.starts_with("| `")).collect()
}

/// The tests of a file; all of it where it has no others.
fn tests_of(source: &str) -> String {
    source.split_once("#[cfg(test)]").map_or(source, |(_, tests)| tests).to_owned()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != ':').filter(|word| !word.is_empty())
}

fn read(file: &str) -> String {
    let path = root().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
