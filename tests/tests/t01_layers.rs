//! The house has floors: a crate names only crates of lower floors, heavy dependencies have one home, and floors 0 to 2
//! are pure. ARCHITECTURE.md, "The map", is the same list for people.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Every crate of the workspace with its floor. Packages on floor 9 stand beside the house and may name any crate.
const FLOORS: &[(&str, u8)] = &[
    ("model", 0),
    ("traffic", 1),
    ("delivery", 1),
    ("policy", 1),
    ("registry", 2),
    ("wire", 2),
    ("service", 3),
    ("store", 3),
    ("render", 3),
    ("api", 4),
    ("replication", 4),
    ("monitor", 4),
    ("sender", 4),
    ("node", 5),
    ("signalbox", 6),
    ("sandbox", 0),
    ("signalbox-tests", 9),
    ("signalbox-bench", 9),
    ("signalbox-chaos", 9),
];

/// Who may name a heavy dependency outside its tests.
const HOMES: &[(&str, &[&str])] = &[
    ("rocksdb", &["store"]),
    ("openraft", &["replication"]),
    ("hickory-resolver", &["node", "sender"]),
    ("axum", &["api", "sandbox"]),
    ("rlibphonenumber", &["service"]),
    ("idna", &["service"]),
    ("prost", &["wire", "replication", "api", "signalbox"]),
    ("turmoil", &["signalbox-tests"]),
];

/// What the sources of pure crates may not say, with the floors up to which each word is forbidden.
const FORBIDDEN: &[(&str, u8)] = &[
    ("async fn", 2),
    ("HashMap", 2),
    ("HashSet", 2),
    ("Instant::now", 2),
    ("SystemTime", 2),
    ("std::fs", 2),
    ("std::net", 2),
    ("std::thread", 2),
    ("tokio::", 2),
    ("rand::", 2),
    ("serde::", 1),
    ("prost::", 1),
    ("f32", 1),
];

#[test]
fn crates_name_only_lower_floors() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    for (name, dependencies) in workspace() {
        let floor = floors.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no floor: add it to FLOORS"));
        for dependency in &dependencies {
            if let Some(below) = floors.get(dependency.as_str()) {
                assert!(below < floor, "{name} (floor {floor}) names {dependency} (floor {below})");
            }
        }
    }
}

#[test]
fn heavy_dependencies_have_one_home() {
    for (name, dependencies) in workspace() {
        for (heavy, homes) in HOMES {
            let at_home = homes.contains(&name.as_str());
            assert!(at_home || !dependencies.contains(*heavy), "{name} names {heavy}, whose home is {homes:?}");
        }
    }
}

#[test]
fn the_lower_floors_are_pure() {
    let pure = FLOORS.iter().filter(|(name, floor)| *floor <= 2 && *name != "sandbox");
    for (name, floor) in pure {
        for file in sources(&root().join("crates").join(name).join("src")) {
            let text = std::fs::read_to_string(&file).unwrap();
            for (word, up_to) in FORBIDDEN {
                if floor <= up_to {
                    assert!(!code(&text).contains(word), "{} says {word:?}", file.display());
                }
            }
        }
    }
}

/// Returns the packages of the workspace with the names of their dependencies outside of tests.
fn workspace() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages are listed");
    packages
        .iter()
        .map(|package| {
            let dependencies = package["dependencies"].as_array().expect("dependencies are listed").iter();
            let outside_tests = dependencies.filter(|dependency| dependency["kind"].is_null());
            (name(package), outside_tests.map(name).collect())
        })
        .collect()
}

fn name(package: &Value) -> String {
    package["name"].as_str().expect("packages and dependencies have names").to_owned()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package lies in the workspace").to_owned()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// Leaves out comments, which may speak of anything, and unit tests.
fn code(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or_default();
    before_tests.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}
