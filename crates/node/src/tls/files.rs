//! Reading certificates and keys, with errors that name the file and the remedy.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::secret;

/// The largest file of certificates, in bytes.
const FILE_MAX: u64 = 1024 * 1024;

/// Why certificates or a key are not used.
#[derive(Debug, thiserror::Error)]
pub enum TlsFileError {
    #[error("failed to read {path}: {cause}", path = path.display())]
    Unreadable { path: PathBuf, cause: std::io::Error },
    #[error(transparent)]
    Key(#[from] secret::SecretFileError),
    #[error("{path} holds no {what} in PEM form ({reason})", path = path.display())]
    Malformed { path: PathBuf, what: &'static str, reason: String },
    #[error("{path} expired {days} days ago: issue a new certificate", path = path.display())]
    Expired { path: PathBuf, days: u64 },
    #[error("{path} can't be used: {reason}", path = path.display())]
    Unusable { path: PathBuf, reason: String },
}

/// A certificate with those between it and its authority, and its key.
pub struct Certificates {
    /// The end entity's first.
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Certificates {
    /// Reads both files.
    ///
    /// # Errors
    /// When one can't be read, is malformed, the certificate has expired, or others may read the key.
    pub fn read(certificate: &Path, key: &Path) -> Result<Certificates, TlsFileError> {
        let chain = read_chain(certificate)?;
        if let Some(ago) = chain.first().and_then(|own| expired(own)) {
            let days = ago.as_secs() / 86_400;
            return Err(TlsFileError::Expired { path: certificate.to_owned(), days });
        }
        let bytes = secret::read_guarded(key)?;
        let key = PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| TlsFileError::Malformed {
            path: key.to_owned(),
            what: "private key",
            reason: error.to_string(),
        })?;
        Ok(Certificates { chain, key })
    }
}

/// Reads one certificate or more.
///
/// # Errors
/// When the file can't be read or holds none.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFileError> {
    let unreadable = |cause| TlsFileError::Unreadable { path: path.to_owned(), cause };
    let malformed = |reason: String| TlsFileError::Malformed { path: path.to_owned(), what: "certificate", reason };
    if std::fs::metadata(path).map_err(unreadable)?.len() > FILE_MAX {
        return Err(malformed(format!("it is larger than {FILE_MAX} bytes")));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| malformed(error.to_string()))?;
    if chain.is_empty() { Err(malformed("there is none".to_owned())) } else { Ok(chain) }
}

/// Returns how long a certificate has been expired, if it has.
fn expired(certificate: &CertificateDer<'_>) -> Option<Duration> {
    SystemTime::now().duration_since(not_after(certificate)?).ok()
}

fn not_after(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let seconds = u64::try_from(parsed.validity().not_after.timestamp()).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// Returns the common name of the first certificate of a PEM text.
///
/// # Errors
/// When it holds no certificate, or one without a common name.
pub fn certificate_name(pem: &[u8]) -> Result<String, InvalidCertificate> {
    let certificate = CertificateDer::from_pem_slice(pem).map_err(|_| InvalidCertificate)?;
    let (_, parsed) = X509Certificate::from_der(&certificate).map_err(|_| InvalidCertificate)?;
    let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    name.map(str::to_owned).ok_or(InvalidCertificate)
}

/// A text holds no certificate with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no certificate with a common name")]
pub struct InvalidCertificate;

/// Returns for how many more days a certificate is valid; 0 when it isn't or says nothing that can be read.
pub fn days_left(certificate: &CertificateDer<'_>) -> u64 {
    let left = not_after(certificate).and_then(|end| end.duration_since(SystemTime::now()).ok());
    left.map_or(0, |left| left.as_secs() / 86_400)
}
