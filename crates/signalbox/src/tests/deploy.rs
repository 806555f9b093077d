//! What `deploy/` holds is what this program writes and takes.

use std::path::{Path, PathBuf};

use model::id::ClusterId;

use super::run;
use crate::dev::{Layout, MODES, REGIONS};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

#[test]
fn the_local_set_is_the_development_cluster() {
    let layout = Layout { base_port: 4100, folder: PathBuf::new(), mode: MODES[0].to_owned() };
    for (index, region) in REGIONS.iter().enumerate() {
        let written = std::fs::read_to_string(deploy().join("local").join(format!("{region}.toml"))).unwrap();
        assert_eq!(written, layout.config_text(index, ClusterId(1), &Path::new("./data").join(region)), "{region}");
    }
}

#[test]
fn every_configuration_is_taken() {
    let mut seen = 0;
    for set in ["local", "local-witness"] {
        for entry in std::fs::read_dir(deploy().join(set)).unwrap() {
            let file = entry.unwrap().path();
            node::config::load(&file, std::iter::empty(), &[]).unwrap_or_else(|error| panic!("{error}: {file:?}"));
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
}

#[test]
fn a_witness_has_no_listener_for_apps() {
    let file = deploy().join("local-witness/witness.toml");
    let ran = run(&["check-config", file.to_str().unwrap()]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("3 witness (witness)"), "{}", ran.out);
    assert!(!ran.out.contains("signalbox-kit-secret"));
}

#[test]
fn a_wrong_configuration_names_file_and_key() {
    let file = deploy().join("local/us-east-1.toml");
    let ran = run(&["check-config", file.to_str().unwrap(), "--set", "cluster.partitions=0"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.err.contains("us-east-1.toml: cluster.partitions: must be 1 to 256, found 0"), "{}", ran.err);
    assert_eq!(ran.err.lines().count(), 1);
    let ran = run(&["check-config", file.to_str().unwrap(), "--set", "providers.webhook_allow=[\"10.1.0.0/8\"]"]);
    assert!(ran.err.contains("providers.webhook_allow[0]: has bits set beyond its length"), "{}", ran.err);
    let ran = run(&["check-config", "/nowhere.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("signalbox: failed to read /nowhere.toml"), "{}", ran.err);
}

#[test]
fn a_configuration_with_keys_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    std::fs::copy(deploy().join("local/us-east-1.toml"), &file).unwrap();
    for (mode, warned) in [(0o640, false), (0o644, true), (0o660, true)] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let ran = run(&["check-config", file.to_str().unwrap()]);
        assert_eq!((ran.code, ran.out.contains("chmod 640")), (0, warned), "{mode:o}: {}", ran.out);
    }
}
