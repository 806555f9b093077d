//! A node's checked configuration, without secrets.

use node::config::{Config, Discovery};
use serde::Serialize;

use crate::console::{View, facts};

/// What a configuration file means.
#[derive(Debug, Serialize)]
pub struct ConfigView {
    node_id: u64,
    data: String,
    rest: String,
    grpc: String,
    peer: String,
    partitions: u16,
    mode: &'static str,
    join: bool,
    nodes: Vec<String>,
    discover: Option<String>,
    keys: Vec<String>,
    sandbox: Option<String>,
    webhook: bool,
    webhook_allow: Vec<String>,
}

impl From<&Config> for ConfigView {
    fn from(config: &Config) -> ConfigView {
        let (nodes, discover) = match &config.discovery {
            Discovery::Listed(nodes) => {
                let line = |node: &model::cluster::NodeInfo| format!("{} {} ({})", node.id, node.region, node.kind);
                (nodes.values().map(line).collect(), None)
            }
            Discovery::Service(name) => (Vec::new(), Some(name.clone())),
            Discovery::ServiceAt(name, server) => (Vec::new(), Some(format!("{name} at {server}"))),
        };
        ConfigView {
            node_id: config.node.0,
            data: config.data.display().to_string(),
            rest: config.listen.rest.to_string(),
            grpc: config.listen.grpc.to_string(),
            peer: config.listen.peer.to_string(),
            partitions: config.partitions,
            mode: config.mode.as_str(),
            join: config.join,
            nodes,
            discover,
            keys: config.keys.iter().map(|key| format!("{} ({})", key.id, key.name)).collect(),
            sandbox: config.providers.sandbox.clone(),
            webhook: config.providers.webhook,
            webhook_allow: config.providers.webhook_allow.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ConfigView {
    fn webhook_text(&self) -> String {
        match (self.webhook, self.webhook_allow.is_empty()) {
            (false, _) => "off".to_owned(),
            (true, true) => "on, to public addresses".to_owned(),
            (true, false) => format!("on, to public addresses and {}", self.webhook_allow.join(", ")),
        }
    }
}

impl View for ConfigView {
    fn text(&self) -> String {
        let cluster = match &self.discover {
            Some(name) => format!("discovered through {name}"),
            None => self.nodes.join(", "),
        };
        facts([
            ("node", self.node_id.to_string()),
            ("data", self.data.clone()),
            ("REST", self.rest.clone()),
            ("gRPC", self.grpc.clone()),
            ("node to node", self.peer.clone()),
            ("cluster", cluster),
            ("partitions", self.partitions.to_string()),
            ("mode", self.mode.to_owned()),
            ("keys", self.keys.join(", ")),
            ("sandbox", self.sandbox.clone().unwrap_or_default()),
            ("webhook", self.webhook_text()),
        ])
    }
}
