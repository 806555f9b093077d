//! Certificates as files: what is taken, what is refused with which reason, and what a renewal changes.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use model::cluster::{NodeInfo, RegionKind};
use model::id::{ClusterId, NodeId, RegionId};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd,
};
use replication::{PeerCredentials as _, node_name};

use super::{ListenTls, PeerTls, certificate_name};
use crate::config::{ListenTlsSection, PeerTlsSection};

const CLUSTER: ClusterId = ClusterId(7);

fn own() -> NodeInfo {
    NodeInfo {
        id: NodeId(1),
        region: RegionId::new("us-east-1").unwrap(),
        kind: RegionKind::Serving,
        peer: String::new(),
        grpc: String::new(),
        rest_url: String::new(),
    }
}

struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new() -> Authority {
        rustls::crypto::ring::default_provider().install_default().ok();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.distinguished_name.push(DnType::CommonName, "an authority");
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Authority(Issuer::new(params, key), pem)
    }
}

/// The files of a node.
struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new(authority: &Authority) -> Files {
        let files = Files { folder: tempfile::tempdir().unwrap() };
        files.trust(&[authority]);
        files.issue(authority, own_name(), 4096);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn trust(&self, authorities: &[&Authority]) {
        let all: String = authorities.iter().map(|authority| authority.1.as_str()).collect();
        std::fs::write(self.path("ca.pem"), all).unwrap();
    }

    fn issue(&self, authority: &Authority, name: String, until_year: i32) {
        let mut params = CertificateParams::new(vec![name]).unwrap();
        params.not_after = date_time_ymd(until_year, 1, 1);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        std::fs::write(self.path("node.pem"), params.signed_by(&key, &authority.0).unwrap().pem()).unwrap();
        std::fs::write(self.path("key.pem"), key.serialize_pem()).unwrap();
        self.allow("key.pem", 0o600);
    }

    fn allow(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    fn peer(&self) -> PeerTlsSection {
        PeerTlsSection { ca: self.path("ca.pem"), certificate: self.path("node.pem"), key: self.path("key.pem") }
    }

    fn listen(&self) -> ListenTlsSection {
        ListenTlsSection { certificate: self.path("node.pem"), key: self.path("key.pem") }
    }

    /// Requires that the files are refused with these words.
    fn refused(&self, words: &str) {
        let said = PeerTls::load(self.peer(), CLUSTER, &own()).err().expect(words).to_string();
        assert!(said.contains(words), "{words:?} is not in {said:?}");
    }
}

fn own_name() -> String {
    node_name(CLUSTER, own().id, &own().region)
}

#[test]
fn wrong_files_are_refused_with_the_reason() {
    let (authority, other) = (Authority::new(), Authority::new());
    let files = Files::new(&authority);
    assert!(PeerTls::load(files.peer(), CLUSTER, &own()).unwrap().days_left() > 365);
    for name in [
        node_name(CLUSTER, NodeId(2), &own().region),
        node_name(ClusterId(8), own().id, &own().region),
        node_name(CLUSTER, own().id, &RegionId::new("eu-west-1").unwrap()),
    ] {
        files.issue(&authority, name, 4096);
        files.refused("it is not for node-1.us-east-1.");
    }
    files.issue(&other, own_name(), 4096);
    files.refused("the cluster's authority didn't sign it");
    files.issue(&authority, own_name(), 2001);
    files.refused("expired");
    files.issue(&authority, own_name(), 4096);
    files.allow("key.pem", 0o644);
    files.refused("chmod 640");
    files.allow("key.pem", 0o600);
    std::fs::write(files.path("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    files.refused("can't be used");
    assert!(ListenTls::load(files.listen()).is_err(), "a key of another certificate");
    std::fs::write(files.path("node.pem"), "nothing").unwrap();
    files.refused("holds no certificate");
    std::fs::remove_file(files.path("node.pem")).unwrap();
    files.refused("failed to read");
}

#[test]
fn changed_files_are_taken_up_and_wrong_ones_are_not() {
    let (authority, next) = (Authority::new(), Authority::new());
    let files = Files::new(&authority);
    let peer = PeerTls::load(files.peer(), CLUSTER, &own()).unwrap();
    let listen = ListenTls::load(files.listen()).unwrap();
    assert!(!peer.reload().unwrap() && !listen.reload().unwrap());
    files.trust(&[&next, &authority]);
    assert!(peer.reload().unwrap());
    files.issue(&next, own_name(), 4096);
    assert!(peer.reload().unwrap() && listen.reload().unwrap());
    let before = (peer.server(), peer.client());
    files.trust(&[&authority]);
    assert!(peer.reload().is_err(), "the next authority is not trusted");
    std::fs::write(files.path("key.pem"), "half a k").unwrap();
    assert!(peer.reload().is_err() && listen.reload().is_err());
    assert!(std::sync::Arc::ptr_eq(&before.0, &peer.server()) && std::sync::Arc::ptr_eq(&before.1, &peer.client()));
}

#[test]
fn an_authority_is_known_by_its_name() {
    assert_eq!(certificate_name(Authority::new().1.as_bytes()).unwrap(), "an authority");
    assert!(certificate_name(b"nothing").is_err());
    assert!(certificate_name(std::fs::read(Path::new("/dev/null")).unwrap().as_slice()).is_err());
}
