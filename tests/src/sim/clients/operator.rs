//! Who raises the apply version as soon as that is allowed.

use std::time::Duration;

use model::command::{Command, Proposal};
use model::id::GroupId;

use super::client::Client;
use crate::sim::breaks::Break;

/// How long it waits between two tries at most, in milliseconds.
const PAUSE_MAX_MS: u64 = 3_000;
/// How long one may take that asks nobody.
const DEADLINE: Duration = Duration::from_secs(5);

impl Client {
    /// Tries to raise the version until that is done, and comes to its end with the run.
    pub(super) async fn operate(self) -> String {
        self.app().await;
        while !self.raise().await || !self.cluster.is_closing() {
            tokio::time::sleep(Duration::from_millis(1 + self.random.below(PAUSE_MAX_MS))).await;
        }
        self.close("operator").await
    }

    /// Says whether the newest version is reached.
    async fn raise(&self) -> bool {
        if self.cluster.settings.broken == Some(Break::Unasked) {
            let command = Command::SetApplyVersion { version: registry::APPLY_VERSION };
            let proposals = vec![Proposal { request: None, command }];
            return self.log.propose(GroupId::CONTROL, proposals, DEADLINE).await.is_ok();
        }
        match self.service.raise_version(None).await {
            Ok(raise) => {
                self.cluster.history.note(format!("{} finds or raises version {}", self.name(), raise.to));
                raise.to == registry::APPLY_VERSION
            }
            Err(error) => {
                self.cluster.history.note(format!("{} raises nothing: {error}", self.name()));
                false
            }
        }
    }
}
