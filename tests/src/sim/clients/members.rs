//! Who adds and removes nodes while everything else goes on.

use std::time::Duration;

use service::ports::{ClusterControl as _, ClusterError};

use super::client::Client;
use crate::sim::faults::Fault;
use crate::sim::members::Change;

/// How long it waits between two changes or tries at most, in milliseconds.
const PAUSE_MAX_MS: u64 = 2_500;
/// How long one try may take.
const TRY_MAX: Duration = Duration::from_secs(15);

impl Client {
    /// Changes the members until the run ends, and what was begun to its end.
    pub(super) async fn change_members(self) -> String {
        self.app().await;
        let members = &self.cluster.members;
        loop {
            tokio::time::sleep(Duration::from_millis(1 + self.random.below(PAUSE_MAX_MS))).await;
            let anew = !self.cluster.is_closing();
            match members.next(&self.random, anew) {
                Some(change) => self.try_to(change).await,
                None if !anew && !members.is_changing() => return self.close("operator").await,
                None => {}
            }
        }
    }

    async fn try_to(&self, change: Change) {
        let history = &self.cluster.history;
        let joining = match change {
            Change::Add(node) => Some(history.fault_begins(&Fault::Join(node))),
            Change::Remove(_) => None,
        };
        if let Change::Remove(node) = change {
            self.cluster.members.removal_begins(node, || history.fault_begins(&Fault::Remove(node)));
        }
        let made = match tokio::time::timeout(TRY_MAX, self.make(change)).await {
            Ok(Ok(())) => {
                self.cluster.members.made(change);
                if let Change::Add(node) = change {
                    history.is_inside(node);
                }
                "made".to_owned()
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "not made in time".to_owned(),
        };
        joining.into_iter().for_each(|place| history.fault_ends(place));
        history.note(format!("{} {change:?}: {made}", self.name()));
    }

    async fn make(&self, change: Change) -> Result<(), ClusterError> {
        match change {
            Change::Add(node) => {
                let voter = self.control.status().groups.iter().any(|group| group.voters.contains(&node));
                if !voter {
                    self.control.add_node(self.cluster.settings.layout.info(node)).await?;
                }
                self.control.promote_node(node).await
            }
            Change::Remove(node) => match self.control.remove_node(node).await {
                // An earlier try did it.
                Err(ClusterError::UnknownNode(_)) => Ok(()),
                other => other,
            },
        }
    }
}
