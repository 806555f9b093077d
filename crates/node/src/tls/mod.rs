//! The certificates of this node: towards other nodes (`peer`) and towards callers (`listen`).
//!
//! In go the files that the configuration names, out come what rustls needs for a connection. What must always hold:
//! files are checked before they are used, so that a wrong one is refused where it can be explained and never takes the
//! place of a right one; and files that change count for the next connection, without a restart.

mod files;
mod listen;
mod peer;

pub use files::{InvalidCertificate, TlsFileError, certificate_name};
pub use listen::ListenTls;
pub use peer::PeerTls;

#[cfg(test)]
mod tests;
