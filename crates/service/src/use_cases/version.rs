//! The cluster's apply version: which one every node's build knows, and raising it. In goes what nodes say of their
//! builds; out comes what raising would do or did.
//!
//! What must always hold: no group is raised while a build may run that doesn't know the version, as far as any node can
//! tell. So every member must have said lately what it knows; and since a version is never lowered, whoever asks is told
//! first which builds can't come back.

use std::time::Duration;

use model::command::Command;
use model::id::{GroupId, NodeId, RegionId};
use model::version::{Build, Versions};
use registry::tables::{Meta, ReadRows};

use super::Service;
use crate::error::{ErrorCode, ServiceError};

/// How long ago a node may have said which versions its build knows.
pub const HEARD_MAX: Duration = Duration::from_secs(3);

/// What raising the version did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRaise {
    /// What the control group was at.
    pub from: u32,
    /// What it is raised to; the same when every build knows no newer one.
    pub to: u32,
    /// The program of each node, in the order of their numbers.
    pub builds: Vec<(NodeId, RegionId, Build)>,
}

impl Service {
    /// Says what [`raise_version`](Service::raise_version) would do, without doing it.
    ///
    /// # Errors
    /// As there.
    pub async fn try_raise_version(&self, to: Option<u32>) -> Result<VersionRaise, ServiceError> {
        let from = self.version_of(GroupId::CONTROL).await?;
        let builds = self.builds()?;
        let newest = builds.iter().map(|(_, _, build)| build.versions.newest()).min().unwrap_or(from);
        let to = to.unwrap_or(newest.max(from));
        if to < from {
            return Err(refused(format!("the cluster is at apply version {from} already, and none is ever lowered")));
        }
        let lacking: Vec<String> = builds
            .iter()
            .filter(|(_, _, build)| !build.versions.know(to))
            .map(|(node, region, build)| {
                format!("node {node} in {region} runs {build}, which knows {}", build.versions)
            })
            .collect();
        if !lacking.is_empty() {
            let lacking = lacking.join("; ");
            return Err(refused(format!("not every node knows apply version {to}: {lacking}. Upgrade them first")));
        }
        Ok(VersionRaise { from, to, builds })
    }

    /// Raises all groups to a version, the newest that every node's build knows when none is given. When this answers,
    /// every group has it, and builds that don't know it can't be started on any node's data again. The control group is
    /// raised first; should the rest not be reached, its leader carries it on.
    ///
    /// # Errors
    /// `Precondition` when a node's build doesn't know the version, when a node didn't say lately what it knows, and when
    /// the cluster is beyond it already; the log's errors: then some groups may be raised, and repeating it is safe.
    pub async fn raise_version(&self, to: Option<u32>) -> Result<VersionRaise, ServiceError> {
        let raise = self.try_raise_version(to).await?;
        if raise.to > Versions::UNSAID.newest() {
            let command = || Command::SetApplyVersion { version: raise.to };
            self.propose(GroupId::CONTROL, command()).await?;
            let partitions = GroupId::partitions(self.facts.partitions);
            let answers = partitions.map(|group| self.propose(group, command()));
            for answer in futures::future::join_all(answers).await {
                answer?;
            }
            tracing::info!(from = raise.from, to = raise.to, "apply version of all groups raised");
        }
        Ok(raise)
    }

    /// Returns the version that a group is at, as this region applied it.
    pub(super) async fn version_of(&self, group: GroupId) -> Result<u32, ServiceError> {
        let meta = self.read(group, |view| Ok(ReadRows::<Meta>::get(view, &())?)).await?;
        Ok(meta.unwrap_or_default().version())
    }

    /// Returns the program of every node.
    fn builds(&self) -> Result<Vec<(NodeId, RegionId, Build)>, ServiceError> {
        let heard = self.neighbours.builds();
        let mut builds = Vec::new();
        let mut silent = Vec::new();
        for (node, info) in self.neighbours.nodes() {
            match heard.get(&node) {
                Some((build, ago)) if *ago <= HEARD_MAX => builds.push((node, info.region, build.clone())),
                Some((_, ago)) => {
                    silent.push(format!("node {node} in {} was heard {} s ago", info.region, ago.as_secs()))
                }
                None => silent.push(format!("node {node} in {} was not heard", info.region)),
            }
        }
        if silent.is_empty() {
            return Ok(builds);
        }
        let silent = silent.join("; ");
        Err(refused(format!(
            "{silent}: what its build knows must be sure. Start it, or remove it with `signalbox cluster remove`"
        )))
    }
}

fn refused(text: String) -> ServiceError {
    ServiceError::new(ErrorCode::Precondition, text)
}
