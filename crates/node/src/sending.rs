//! What a region's sender is told by the configuration: its drivers, which channel goes through which, and how fast.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use delivery::pacing::Rate;
use model::channel::{CHANNELS, Channel};
use model::cluster::{NodeInfo, Nodes, RegionKind};
use sender::driver::Driver;
use sender::drivers::{sandbox, webhook};
use sender::records::RecordsConfig;
use sender::routes::Routes;

use crate::config::Config;

/// Makes the drivers that the configuration asks for and routes the channels to them.
///
/// # Errors
/// When an HTTP client can't be made.
pub fn routes(config: &Config, own: &NodeInfo, nodes: &Nodes) -> anyhow::Result<Routes> {
    let mut drivers: Vec<Arc<dyn Driver>> = Vec::new();
    let mut by_name: BTreeMap<Channel, String> = BTreeMap::new();
    if let Some(url) = &config.providers.sandbox {
        let driver = sandbox::SandboxDriver::new(sandbox::SandboxConfig {
            url: url.parse().context("providers.sandbox")?,
            region: own.region.clone(),
            node: own.id,
            callbacks: listeners(own, nodes),
        })
        .context("failed to make the sandbox driver")?;
        drivers.push(Arc::new(driver));
        by_name.extend(CHANNELS.into_iter().map(|channel| (channel, sandbox::NAME.to_owned())));
    }
    if config.providers.webhook {
        let targets = webhook::Targets::public_and(config.providers.webhook_allow.clone());
        let settings = webhook::WebhookConfig { region: own.region.clone(), targets };
        let driver = webhook::WebhookDriver::new(settings).context("failed to make the webhook driver")?;
        drivers.push(Arc::new(driver));
        by_name.insert(Channel::Custom, webhook::NAME.to_owned());
    }
    Routes::new(&drivers, &by_name).context("failed to route channels to drivers")
}

/// Returns where events are shown, if the sandbox is used.
///
/// # Errors
/// When the sandbox's URL is none.
pub fn records(config: &Config, own: &NodeInfo) -> anyhow::Result<Option<RecordsConfig>> {
    let Some(url) = &config.providers.sandbox else { return Ok(None) };
    let url = url.parse().context("providers.sandbox")?;
    Ok(Some(RecordsConfig { url, region: own.region.clone(), account: config.account.clone() }))
}

/// Lists the listeners that take providers' events, this region's first.
fn listeners(own: &NodeInfo, nodes: &Nodes) -> Vec<String> {
    let serving = |node: &&NodeInfo| node.kind == RegionKind::Serving;
    let others = nodes.values().filter(serving).filter(|node| node.id != own.id);
    std::iter::once(own).chain(others).map(|node| node.rest_url.clone()).collect()
}

/// Returns how fast the channels may send from this region.
pub fn rates(config: &Config) -> BTreeMap<Channel, Rate> {
    let rate =
        |pace: &crate::config::Pace| Rate { per_second: u64::from(pace.per_second), burst: u64::from(pace.burst) };
    config.pace.iter().map(|(channel, pace)| (*channel, rate(pace))).collect()
}
