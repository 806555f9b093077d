//! What a configuration may say, and what its errors never do.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Config, ConfigError, load};

const GOOD: &str = r#"
[node]
id = 1
data = "data"
[listen]
rest = "127.0.0.1:4101"
grpc = "127.0.0.1:4201"
peer = "127.0.0.1:4401"
[cluster]
id = "0123456789abcdef0123456789abcdef"
partitions = 4
mode = "active_active"
round_trip_ms = 5
[[cluster.nodes]]
id = 1
region = "a"
peer = "one:4401"
grpc = "one:4201"
rest_url = "http://one:4101"
[[cluster.nodes]]
id = 2
region = "b"
peer = "two:4401"
grpc = "two:4201"
rest_url = "http://two:4101"
[[cluster.nodes]]
id = 3
region = "c"
kind = "witness"
peer = "three:4401"
grpc = "three:4201"
[[keys]]
id = "A"
secret = "s3cret-of-a"
name = "jo"
"#;

fn read(text: &str, settings: &[&str]) -> Result<Config, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("node.toml");
    std::fs::write(&file, text).unwrap();
    let settings: Vec<String> = settings.iter().map(|setting| (*setting).to_owned()).collect();
    load(&file, std::iter::empty(), &settings)
}

/// Requires that a setting is refused at a key.
fn refused(settings: &[&str], key: &str) -> String {
    match read(GOOD, settings) {
        Err(ConfigError::Key { key: found, reason }) if found.starts_with(key) => reason,
        other => panic!("{settings:?} at {key}: {other:?}"),
    }
}

#[test]
fn a_good_one_is_taken() {
    let config = read(GOOD, &[]).unwrap();
    assert_eq!(config.cluster.to_string(), "0123456789abcdef0123456789abcdef");
    assert!(config.peer_tls.is_none() && config.listen_tls.is_none());
}

#[test]
fn no_error_shows_a_secret() {
    let broken = [
        GOOD.replace("secret = \"s3cret-of-a\"", "secret = \"s3cret-of-a"),
        GOOD.replace("secret = \"s3cret-of-a\"", "secret = \"s3cret-of-a\" \"more\""),
        GOOD.replace("secret = \"s3cret-of-a\"", "secret = [\"s3cret-of-a\"]"),
        GOOD.replace("secret = \"s3cret-of-a\"", "secret = { value = \"s3cret-of-a\" }"),
        GOOD.replace("name = \"jo\"", "name = \"jo\"\nsecert = \"s3cret-of-a\""),
        GOOD.replace("id = 1\nregion", "id = \"s3cret-of-a\"\nregion"),
        GOOD.replace("name = \"jo\"", "name = 1\n= s3cret-of-a"),
    ];
    for text in broken {
        let said = read(&text, &[]).unwrap_err();
        let all = format!("{said} {said:?}");
        assert!(!all.contains("s3cret"), "{all}");
    }
    let said = read(GOOD, &["keys.s3cret-of-a"]).unwrap_err();
    assert!(!format!("{said:?}").contains("=s3cret"));
    assert!(!format!("{:?}", read(GOOD, &[]).unwrap()).contains("s3cret"));
}

#[test]
fn a_syntax_error_names_the_line() {
    let said = read(&GOOD.replace("mode = \"active_active\"", "mode = active"), &[]).unwrap_err().to_string();
    assert!(said.contains("line 12"), "{said}");
}

#[test]
fn a_cluster_has_an_id() {
    for bad in ["", "x", "0123456789ABCDEF0123456789abcdef", "0123"] {
        assert!(refused(&[&format!("cluster.id='{bad}'")], "cluster.id").contains("certs init"));
    }
}

#[test]
fn plain_text_beyond_this_machine_is_asked_for() {
    for name in ["rest", "grpc", "peer"] {
        let off = format!("listen.{name}=10.0.0.7:4999");
        let reason = refused(&[&off], &format!("listen.{name}"));
        assert!(reason.contains("listen.plain"), "{reason}");
        read(GOOD, &[&off, &format!("listen.plain=['{name}']")]).unwrap();
    }
    refused(&["listen.plain=['rset']"], "listen.plain");
    let tls = ["tls.listen.certificate=a", "tls.listen.key=b"];
    read(GOOD, &[tls[0], tls[1], "listen.rest=10.0.0.7:4999", "listen.grpc=10.0.0.7:4998"]).unwrap();
    refused(&[tls[0], tls[1], "listen.plain=['rest']"], "listen.plain");
    refused(&[tls[0], tls[1], "listen.peer=10.0.0.7:4999"], "listen.peer");
}

#[test]
fn two_listeners_or_nodes_at_one_place_are_refused() {
    refused(&["listen.grpc=127.0.0.1:4101"], "listen.grpc");
    refused(&["listen.peer=0.0.0.0:4101", "listen.plain=['peer']"], "listen.peer");
    read(GOOD, &["listen.rest=127.0.0.1:0", "listen.grpc=127.0.0.1:0"]).unwrap();
    for (from, to) in [
        ("peer = \"two:4401\"", "peer = \"ONE:4401\""),
        ("grpc = \"two:4201\"", "grpc = \"one:4401\""),
        ("grpc = \"two:4201\"", "grpc = \"two:4401\""),
        ("rest_url = \"http://two:4101\"", "rest_url = \"http://one:4101\""),
        ("region = \"c\"", "region = \"b\""),
    ] {
        let said = read(&GOOD.replace(from, to), &[]).unwrap_err();
        assert!(matches!(&said, ConfigError::Key { key, .. } if key == "cluster.nodes"), "{to}: {said}");
    }
    for bad in ["two", "two:0", "http://two:1", "two:99999"] {
        let said = read(&GOOD.replace("peer = \"two:4401\"", &format!("peer = {bad:?}")), &[]).unwrap_err();
        assert!(matches!(&said, ConfigError::Key { key, .. } if key == "cluster.nodes[1].peer"), "{bad}: {said}");
    }
}

#[test]
fn a_secret_may_be_in_a_file_that_nobody_else_reads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let text = GOOD.replace("secret = \"s3cret-of-a\"", &format!("secret_file = {file:?}"));
    let allow = |mode| std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    let key_of = |said: ConfigError| match said {
        ConfigError::Key { key, .. } => key,
        other => panic!("{other}"),
    };
    assert_eq!(key_of(read(&text, &[]).unwrap_err()), "keys[0].secret_file");
    std::fs::write(&file, "from-a-file\n").unwrap();
    allow(0o600);
    assert_eq!(read(&text, &[]).unwrap().keys[0].secret.reveal(), "from-a-file");
    allow(0o604);
    assert_eq!(key_of(read(&text, &[]).unwrap_err()), "keys[0].secret_file");
    let both = text.replace("secret_file", "secret = \"x\"\nsecret_file");
    assert_eq!(key_of(read(&both, &[]).unwrap_err()), "keys[0].secret");
    assert!(Path::new(&file).exists());
}

#[test]
fn health_goes_by_its_defaults_and_what_can_not_be_used_is_named_with_what_was_found() {
    let config = read(GOOD, &[]).unwrap();
    assert_eq!(config.health.mode, monitor::HealthMode::Act);
    assert_eq!(config.health.settings, traffic::health::HealthSettings::default());
    let config = read(GOOD, &["health.mode=observe", "health.hold_s=5", "health.ramp=[0.5, 1.0]"]).unwrap();
    assert_eq!(config.health.mode, monitor::HealthMode::Observe);
    assert_eq!((config.health.settings.hold, config.health.settings.ramp), (5, vec![0.5, 1.0]));
    for (bad, key, found) in [
        ("health.mode=fast", "health.mode", "\"fast\""),
        ("health.threshold=1", "health.threshold", "found 1"),
        ("health.threshold=nan", "health.threshold", "found NaN"),
        ("health.hold_s=0", "health.hold_s", "found 0"),
        ("health.ramp=[0.5, 0.2, 1.0]", "health.ramp", "[0.5, 0.2, 1.0]"),
        ("health.ramp=[]", "health.ramp", "[]"),
    ] {
        let said = read(GOOD, &[bad]).unwrap_err();
        assert!(matches!(&said, ConfigError::Key { key: named, .. } if named == key), "{bad}: {said}");
        assert!(said.to_string().contains(found), "{bad}: {said}");
    }
}

#[test]
fn how_a_lost_region_comes_back_is_checked() {
    let section = read(GOOD, &[]).unwrap().failover;
    assert_eq!((section.failback.as_str(), section.failback_after_s, section.failback_step_s), ("manual", 300, 60));
    for (bad, found) in [
        ("failover.failback=soon", "found \"soon\""),
        ("failover.failback_after_s=0", "found 0"),
        ("failover.failback_step_s=3601", "found 3601"),
    ] {
        let said = read(GOOD, &[bad]).unwrap_err().to_string();
        assert!(said.contains(bad.split('=').next().unwrap_or_default()) && said.contains(found), "{bad}: {said}");
    }
}
