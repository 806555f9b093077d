//! Which apply version a group is at, as this node's replica has applied it. Read by whoever admits a command or grants
//! a lease; follows what is applied, and never falls.

use std::sync::atomic::{AtomicU32, Ordering};

use model::rows::GroupMeta;
use model::version::{FIRST, Versions};
use registry::ApplyError;

/// A group's version, and what this build knows.
pub(crate) struct GroupVersion {
    known: Versions,
    now: AtomicU32,
}

impl GroupVersion {
    /// Begins with what is stored.
    ///
    /// # Errors
    /// When the group is at a version that this build doesn't know: it must not touch what it can't read, nor hold leases
    /// over it.
    pub(crate) fn new(known: Versions, stored: &GroupMeta) -> Result<GroupVersion, ApplyError> {
        registry::known(known, stored.apply_version)?;
        Ok(GroupVersion { known, now: AtomicU32::new(stored.version()) })
    }

    /// Returns what this build knows.
    pub(crate) fn known(&self) -> Versions {
        self.known
    }

    /// Returns the group's version; [`FIRST`] or more.
    pub(crate) fn now(&self) -> u32 {
        self.now.load(Ordering::Acquire).max(FIRST)
    }

    /// Takes note of a version that was applied.
    pub(crate) fn raised(&self, version: u32) {
        self.now.fetch_max(version, Ordering::AcqRel);
    }
}
