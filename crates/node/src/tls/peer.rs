//! Proof between nodes: TLS 1.3, both sides with certificates of the cluster's own authority.

use std::sync::{Arc, PoisonError, RwLock};

use model::cluster::NodeInfo;
use model::id::ClusterId;
use replication::{PeerCredentials, node_name};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::ServerName;
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::config::PeerTlsSection;
use crate::tls::files::{Certificates, TlsFileError, days_left, read_chain};

/// The certificates towards other nodes, as they were read last.
pub struct PeerTls {
    files: PeerTlsSection,
    name: String,
    current: RwLock<Arc<Current>>,
}

struct Current {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    /// What the files held, to see whether they changed.
    read: Vec<Vec<u8>>,
    days_left: u64,
}

impl PeerTls {
    /// Reads the files of a node.
    ///
    /// # Errors
    /// When one can't be read or used, or the certificate is not this node's or not the authority's.
    pub fn load(files: PeerTlsSection, cluster: ClusterId, own: &NodeInfo) -> Result<PeerTls, TlsFileError> {
        let name = node_name(cluster, own.id, &own.region);
        let current = RwLock::new(Arc::new(read(&files, &name)?));
        Ok(PeerTls { files, name, current })
    }

    /// Reads the files again; says whether they changed. What was read before stays in use when they can't be used.
    ///
    /// # Errors
    /// As [`PeerTls::load`].
    pub fn reload(&self) -> Result<bool, TlsFileError> {
        let next = read(&self.files, &self.name)?;
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        let changed = next.read != current.read;
        if changed {
            *current = Arc::new(next);
        }
        Ok(changed)
    }

    /// Returns for how many more days this node's certificate is valid.
    pub fn days_left(&self) -> u64 {
        self.current().days_left
    }

    fn current(&self) -> Arc<Current> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PeerCredentials for PeerTls {
    fn server(&self) -> Arc<ServerConfig> {
        self.current().server.clone()
    }

    fn client(&self) -> Arc<ClientConfig> {
        self.current().client.clone()
    }
}

fn read(files: &PeerTlsSection, name: &str) -> Result<Current, TlsFileError> {
    let authorities = read_chain(&files.ca)?;
    let unusable = |reason: String| TlsFileError::Unusable { path: files.certificate.clone(), reason };
    let mut roots = RootCertStore::empty();
    for authority in &authorities {
        roots
            .add(authority.clone())
            .map_err(|error| TlsFileError::Unusable { path: files.ca.clone(), reason: error.to_string() })?;
    }
    let roots = Arc::new(roots);
    let own = Certificates::read(&files.certificate, &files.key)?;
    check_own(&own, &roots, name).map_err(unusable)?;
    let mut read: Vec<Vec<u8>> = authorities.iter().chain(&own.chain).map(|der| der.to_vec()).collect();
    read.push(own.key.secret_der().to_vec());
    let days_left = own.chain.first().map_or(0, days_left);
    let tls13 = &[&rustls::version::TLS13];
    let clients = WebPkiClientVerifier::builder(roots.clone()).build().map_err(|error| unusable(error.to_string()))?;
    let mut server = ServerConfig::builder_with_protocol_versions(tls13)
        .with_client_cert_verifier(clients)
        .with_single_cert(own.chain.clone(), own.key.clone_key())
        .map_err(|error| unusable(error.to_string()))?;
    let mut client = ClientConfig::builder_with_protocol_versions(tls13)
        .with_root_certificates(roots)
        .with_client_auth_cert(own.chain, own.key)
        .map_err(|error| unusable(error.to_string()))?;
    server.alpn_protocols = vec![b"h2".to_vec()];
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Current { server: Arc::new(server), client: Arc::new(client), read, days_left })
}

/// Checks this node's certificate as the others will.
fn check_own(own: &Certificates, roots: &Arc<RootCertStore>, name: &str) -> Result<(), String> {
    let [certificate, between @ ..] = own.chain.as_slice() else { return Err("there is no certificate".to_owned()) };
    let parsed = ParsedCertificate::try_from(certificate).map_err(|error| error.to_string())?;
    let server_name = ServerName::try_from(name).map_err(|error| format!("{name} is no name: {error}"))?;
    if verify_server_name(&parsed, &server_name).is_err() {
        return Err(format!("it is not for {name}: issue one for this cluster, node and region"));
    }
    let verifier = WebPkiServerVerifier::builder(roots.clone()).build().map_err(|error| error.to_string())?;
    let now = rustls::pki_types::UnixTime::now();
    rustls::client::danger::ServerCertVerifier::verify_server_cert(
        &*verifier,
        certificate,
        between,
        &server_name,
        &[],
        now,
    )
    .map(drop)
    .map_err(|error| format!("the cluster's authority didn't sign it, or it is not valid now: {error}"))
}
