//! The cluster's own certificate authority: a folder with its key, the certificates that nodes trust, and what was
//! issued. It is kept by the operator, never by a node.
//!
//! What must always hold: a key is readable by its owner alone from the moment on when it exists; nothing that exists is
//! overwritten but by what replaces it as a whole; and while the authority is rotated, nodes trust the old and the new
//! one.

mod authority;
mod folder;

pub use authority::{Authority, NodeName};
pub use folder::CertsError;
