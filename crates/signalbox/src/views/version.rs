//! The cluster's apply version and the builds of its nodes.

use serde::Serialize;
use wire::v1;

use crate::console::{View, table};

/// What was raised, or would be.
#[derive(Debug, Serialize)]
pub struct VersionView {
    from_version: u32,
    to_version: u32,
    raised: bool,
    nodes: Vec<NodeBuildView>,
}

#[derive(Debug, Serialize)]
struct NodeBuildView {
    node_id: u64,
    region: String,
    #[serde(flatten)]
    build: BuildView,
}

/// A node's program.
#[derive(Debug, Default, Serialize)]
pub struct BuildView {
    build: String,
    oldest_version: u32,
    newest_version: u32,
}

impl From<v1::Build> for BuildView {
    fn from(build: v1::Build) -> BuildView {
        let v1::Build { name, oldest_version, newest_version } = build;
        BuildView { build: name, oldest_version, newest_version }
    }
}

impl BuildView {
    /// Names the build and the versions that it knows: `0.1.0 (1-2)`.
    pub fn text(&self) -> String {
        let BuildView { build, oldest_version, newest_version } = self;
        let name = if build.is_empty() { "unnamed" } else { build };
        match oldest_version == newest_version {
            true => format!("{name} ({newest_version})"),
            false => format!("{name} ({oldest_version}-{newest_version})"),
        }
    }

    /// Returns the newest apply version that it knows.
    pub fn newest(&self) -> u32 {
        self.newest_version
    }
}

impl From<v1::RaiseVersionResponse> for VersionView {
    fn from(response: v1::RaiseVersionResponse) -> VersionView {
        let node = |node: v1::NodeBuild| NodeBuildView {
            node_id: node.node_id,
            region: node.region,
            build: node.build.unwrap_or_default().into(),
        };
        VersionView {
            from_version: response.from_version,
            to_version: response.to_version,
            raised: response.raised,
            nodes: response.nodes.into_iter().map(node).collect(),
        }
    }
}

impl View for VersionView {
    fn text(&self) -> String {
        let VersionView { from_version: from, to_version: to, .. } = self;
        let rows = self.nodes.iter().map(|node| [node.node_id.to_string(), node.region.clone(), node.build.text()]);
        let nodes = table(["NODE", "REGION", "BUILD (VERSIONS)"], rows);
        let what = match (self.raised, from == to) {
            (_, true) => format!("the cluster is at apply version {to}; no newer one is known to every node"),
            (true, false) => format!("all groups were raised from apply version {from} to {to}"),
            (false, false) => format!(
                "nothing is changed; with --yes all groups are raised from apply version {from} to {to}\n\
                 THERE IS NO WAY BACK: after that, no build that doesn't know {to} can be started on these nodes' data"
            ),
        };
        format!("{what}\n\n{nodes}")
    }
}
