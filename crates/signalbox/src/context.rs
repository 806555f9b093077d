//! What every command is given: the global options and the console.

use crate::connection::{Connection, Key};
use crate::console::Console;
use crate::failure::Failure;
use crate::global::Global;

/// What a command works with.
pub struct Context<'a> {
    /// The global options.
    pub global: Global,
    /// Where its output goes.
    pub console: Console<'a>,
}

impl Context<'_> {
    /// Connects to the cluster.
    ///
    /// # Errors
    /// `Usage` without a key, `Unreachable` when no listener answers.
    pub async fn connect(&self) -> Result<Connection, Failure> {
        let given = (self.global.key_id.as_deref(), self.global.secret.as_deref());
        let key = Key::choose(given, |name| std::env::var(name).ok(), &self.global.endpoints)?;
        Connection::open(&self.global.endpoints, self.global.ca.as_deref(), key, self.global.timeout).await
    }
}
