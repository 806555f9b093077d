//! Making the authority, issuing for nodes, and rotating it.

use std::path::{Path, PathBuf};

use model::id::{ClusterId, NodeId, RegionId};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};

use super::folder::{CertsError, make_private, read, replace};

/// What nodes trust: the authority's certificate; while it is rotated the new one, then the old one.
const TRUSTED: &str = "ca.pem";
/// The key that new certificates are signed with.
const KEY: &str = "ca-key.pem";
/// How far a node's clock may be behind the one that made the certificate.
const CLOCK_SLACK: Duration = Duration::hours(1);
/// What the name of an authority ends with; before it stands the cluster's id.
const AUTHORITY: &str = "signalbox authority";
/// The end of a certificate in PEM.
const PEM_END: &str = "-----END CERTIFICATE-----";

/// A node that a certificate is for.
#[derive(Debug, Clone)]
pub struct NodeName {
    pub node: NodeId,
    pub region: RegionId,
    /// Further names and addresses, for listeners that use the same certificate.
    pub hosts: Vec<String>,
}

/// The files that were made for a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// An authority in its folder.
pub struct Authority {
    folder: PathBuf,
    cluster: ClusterId,
}

impl Authority {
    /// Makes an authority, and with it a cluster's id.
    ///
    /// # Errors
    /// `Exists` when the folder holds one, `File` when it can't be written.
    pub fn init(folder: &Path, cluster: ClusterId, days: u32) -> Result<Authority, CertsError> {
        make_private(folder)?;
        let authority = Authority { folder: folder.to_owned(), cluster };
        for file in [TRUSTED, KEY] {
            let path = folder.join(file);
            if read(&path)?.is_some() {
                return Err(CertsError::Exists { path });
            }
        }
        let (certificate, key) = authority.make(days)?;
        replace(&folder.join(KEY), &key, 0o600)?;
        replace(&folder.join(TRUSTED), &certificate, 0o644)?;
        Ok(authority)
    }

    /// Opens an authority.
    ///
    /// # Errors
    /// `Missing` when there is none, `Malformed` when its certificate isn't one.
    pub fn open(folder: &Path) -> Result<Authority, CertsError> {
        let path = folder.join(TRUSTED);
        let pem = read(&path)?.ok_or_else(|| CertsError::Missing { path: path.clone() })?;
        let malformed = |reason: String| CertsError::Malformed { path: path.clone(), reason };
        let name = node::certificate_name(pem.as_bytes()).map_err(|error| malformed(error.to_string()))?;
        let cluster = name.strip_suffix(AUTHORITY).map(str::trim_end).and_then(|id| id.parse().ok());
        let cluster = cluster.ok_or_else(|| malformed(format!("its name {name:?} holds no cluster id")))?;
        Ok(Authority { folder: folder.to_owned(), cluster })
    }

    /// Returns the cluster's id.
    pub fn cluster(&self) -> ClusterId {
        self.cluster
    }

    /// Returns the file with what nodes trust.
    pub fn trusted(&self) -> PathBuf {
        self.folder.join(TRUSTED)
    }

    /// Issues a certificate for a node, in the place of an earlier one.
    ///
    /// # Errors
    /// `Name` when a name can't stand in a certificate, `File` when a file can't be read or written.
    pub fn issue(&self, name: &NodeName, days: u32) -> Result<Issued, CertsError> {
        let first = node::node_name(self.cluster, name.node, &name.region);
        let names: Vec<String> = std::iter::once(first.clone()).chain(name.hosts.iter().cloned()).collect();
        let unusable = |error: rcgen::Error| CertsError::Name { name: names.join(", "), reason: error.to_string() };
        let mut params = CertificateParams::new(names.clone()).map_err(unusable)?;
        params.distinguished_name = named(&format!("node {} in {}", name.node, name.region));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.use_authority_key_identifier_extension = true;
        (params.not_before, params.not_after) = valid(days);
        let key = KeyPair::generate().map_err(make)?;
        let certificate = params.signed_by(&key, &self.issuer()?).map_err(make)?;
        let base = format!("node-{}", name.node);
        let issued = Issued {
            certificate: self.folder.join(format!("{base}.pem")),
            key: self.folder.join(format!("{base}-key.pem")),
        };
        replace(&issued.key, &key.serialize_pem(), 0o600)?;
        replace(&issued.certificate, &certificate.pem(), 0o644)?;
        Ok(issued)
    }

    /// Makes a new key and certificate of the authority. Nodes are to trust both until all have certificates of the new
    /// one.
    ///
    /// # Errors
    /// `Rotating` when that is under way already.
    pub fn rotate(&self, days: u32) -> Result<(), CertsError> {
        let old = self.read_trusted()?;
        if old.matches(PEM_END).count() > 1 {
            return Err(CertsError::Rotating);
        }
        let (certificate, key) = self.make(days)?;
        // Whatever stops in between leaves what is trusted signed by nobody, or by the old key: never the other way.
        replace(&self.trusted(), &format!("{certificate}{old}"), 0o644)?;
        replace(&self.folder.join(KEY), &key, 0o600)
    }

    /// Ends a rotation: the old certificate is not to be trusted any more.
    ///
    /// # Errors
    /// `NotRotating` when none is under way.
    pub fn finish(&self) -> Result<(), CertsError> {
        let both = self.read_trusted()?;
        match both.split_once(PEM_END) {
            Some((new, old)) if old.contains(PEM_END) => replace(&self.trusted(), &format!("{new}{PEM_END}\n"), 0o644),
            _ => Err(CertsError::NotRotating),
        }
    }

    fn read_trusted(&self) -> Result<String, CertsError> {
        let path = self.trusted();
        read(&path)?.ok_or(CertsError::Missing { path })
    }

    fn issuer(&self) -> Result<Issuer<'static, KeyPair>, CertsError> {
        let path = self.folder.join(KEY);
        let key = read(&path)?.ok_or_else(|| CertsError::Missing { path: path.clone() })?;
        let malformed = |error: rcgen::Error| CertsError::Malformed { path: path.clone(), reason: error.to_string() };
        let key = KeyPair::from_pem(&key).map_err(malformed)?;
        Issuer::from_ca_cert_pem(&self.read_trusted()?, key).map_err(malformed)
    }

    /// Makes a certificate of the authority and its key, both as PEM.
    fn make(&self, days: u32) -> Result<(String, String), CertsError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("{} {AUTHORITY}", self.cluster));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        (params.not_before, params.not_after) = valid(days);
        let key = KeyPair::generate().map_err(make)?;
        let certificate = params.self_signed(&key).map_err(make)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn make(error: rcgen::Error) -> CertsError {
    CertsError::Make(error.to_string())
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, DnValue::Utf8String(name.to_owned()));
    named
}

/// From when to when a certificate is valid.
fn valid(days: u32) -> (OffsetDateTime, OffsetDateTime) {
    let now = OffsetDateTime::now_utc();
    (now - CLOCK_SLACK, now + Duration::days(days.into()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn node(number: u64) -> NodeName {
        NodeName { node: NodeId(number), region: RegionId::new("us-east-1").unwrap(), hosts: Vec::new() }
    }

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn an_authority_is_made_once_and_its_keys_are_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("tls");
        assert!(matches!(Authority::open(&folder), Err(CertsError::Missing { .. })));
        let made = Authority::init(&folder, ClusterId(7), 30).unwrap();
        assert!(matches!(Authority::init(&folder, ClusterId(8), 30), Err(CertsError::Exists { .. })));
        assert_eq!(Authority::open(&folder).unwrap().cluster(), ClusterId(7));
        let issued = made.issue(&node(1), 30).unwrap();
        assert_eq!((mode(&folder), mode(&folder.join(KEY)), mode(&issued.key)), (0o700, 0o600, 0o600));
    }

    #[test]
    fn a_rotation_trusts_both_until_it_is_finished() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::init(folder.path(), ClusterId(7), 30).unwrap();
        let old = authority.read_trusted().unwrap();
        assert!(matches!(authority.finish(), Err(CertsError::NotRotating)));
        authority.rotate(30).unwrap();
        let both = authority.read_trusted().unwrap();
        assert!(both.ends_with(&old) && both.len() > old.len());
        assert!(matches!(authority.rotate(30), Err(CertsError::Rotating)));
        authority.issue(&node(1), 30).unwrap();
        authority.finish().unwrap();
        let new = authority.read_trusted().unwrap();
        assert!(both.starts_with(new.trim_end()) && !new.contains(old.trim()));
        assert_eq!(Authority::open(folder.path()).unwrap().cluster(), ClusterId(7));
    }

    #[test]
    fn a_name_that_no_certificate_may_hold_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::init(folder.path(), ClusterId(7), 30).unwrap();
        let hosts = vec!["caf\u{e9}.example".to_owned()];
        let refused = authority.issue(&NodeName { hosts, ..node(1) }, 30).unwrap_err();
        assert!(matches!(refused, CertsError::Name { .. }), "{refused}");
    }
}
