//! Proof towards callers: TLS 1.2 and 1.3 with forward secrecy (rustls has no other suites).

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::ListenTlsSection;
use crate::tls::files::{Certificates, TlsFileError, days_left};

/// The certificate of the listeners, as it was read last.
pub struct ListenTls {
    files: ListenTlsSection,
    current: Arc<CurrentKey>,
}

struct CurrentKey(RwLock<Arc<CertifiedKey>>);

impl ListenTls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one can't be read or used, or the key is not the certificate's.
    pub fn load(files: ListenTlsSection) -> Result<ListenTls, TlsFileError> {
        let current = Arc::new(CurrentKey(RwLock::new(Arc::new(read(&files)?))));
        Ok(ListenTls { files, current })
    }

    /// Reads the files again; says whether the certificate changed. What was read before stays in use when they can't
    /// be used.
    ///
    /// # Errors
    /// As [`ListenTls::load`].
    pub fn reload(&self) -> Result<bool, TlsFileError> {
        let next = read(&self.files)?;
        let mut current = self.current.0.write().unwrap_or_else(PoisonError::into_inner);
        let changed = next.cert != current.cert;
        *current = Arc::new(next);
        Ok(changed)
    }

    /// Returns for how many more days the certificate is valid.
    pub fn days_left(&self) -> u64 {
        let current = self.current.0.read().unwrap_or_else(PoisonError::into_inner);
        current.cert.first().map_or(0, days_left)
    }

    /// Returns the settings of a listener that speaks `protocol`, such as `h2` or `http/1.1`.
    pub fn server(&self, protocol: &[u8]) -> Arc<ServerConfig> {
        let resolver = self.current.clone();
        let mut server = ServerConfig::builder().with_no_client_auth().with_cert_resolver(resolver);
        server.alpn_protocols = vec![protocol.to_vec()];
        Arc::new(server)
    }
}

impl ResolvesServerCert for CurrentKey {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl fmt::Debug for CurrentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentKey")
    }
}

fn read(files: &ListenTlsSection) -> Result<CertifiedKey, TlsFileError> {
    let own = Certificates::read(&files.certificate, &files.key)?;
    let unusable = |reason: String| TlsFileError::Unusable { path: files.certificate.clone(), reason };
    let provider = CryptoProvider::get_default().ok_or_else(|| unusable("no cryptography is installed".to_owned()))?;
    // Compares the key with the certificate's.
    CertifiedKey::from_der(own.chain, own.key, provider).map_err(|error| unusable(error.to_string()))
}
