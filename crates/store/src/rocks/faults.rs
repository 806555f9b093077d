//! One database's name, and who is told when it fails.

use std::sync::OnceLock;

use super::errors::engine_error;
use crate::engine::FaultListener;
use crate::error::EngineError;

/// What the engine, its views and its stagings share.
pub(super) struct Faults {
    /// The directory.
    pub store: String,
    listener: OnceLock<FaultListener>,
}

impl Faults {
    pub fn of(store: String) -> Faults {
        Faults { store, listener: OnceLock::new() }
    }

    /// Tells a listener from now on; only the first one counts.
    pub fn listen(&self, listener: FaultListener) {
        let _ = self.listener.set(listener);
    }

    /// Translates an error of the database, and tells of it if nothing can be trusted after it.
    pub fn met(&self, error: &rocksdb::Error) -> EngineError {
        let error = engine_error(&self.store, error);
        let grave = !matches!(error, EngineError::Refused { .. });
        if let Some(listener) = self.listener.get().filter(|_| grave) {
            listener(&error);
        }
        error
    }
}
