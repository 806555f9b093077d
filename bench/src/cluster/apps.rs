//! Apps to measure with: made at one region's listener and waited for at all.

use std::time::Duration;

use anyhow::Context;
use tokio::time::{Instant, sleep};
use wire::v1;

use super::development::DevelopmentCluster;

/// How often a region is asked whether it sees a new app.
const SEEN_LOOK: Duration = Duration::from_millis(20);

/// How long a region may take to see a new app.
const SEEN_MAX: Duration = Duration::from_secs(10);

/// Makes an app with the SMS channel, and returns its id when every running region sees it.
pub async fn make_app(cluster: &DevelopmentCluster) -> anyhow::Result<String> {
    let regions = cluster.running().await?;
    let first = regions.first().context("no region runs")?;
    let connection = cluster.connect(first.index).await?;
    let mut apps = connection.apps();
    let request = v1::CreateAppRequest { name: "bench".to_owned(), ..Default::default() };
    let app = connection.answer(apps.create(request)).await?.app.context("the answer has no app")?.app_id;
    let detail = v1::put_channel_request::Detail::Sms(v1::SmsChannel::default());
    let request =
        v1::PutChannelRequest { app_id: app.clone(), enabled: Some(true), detail: Some(detail), ..Default::default() };
    connection.answer(apps.put_channel(request)).await?;
    for region in regions {
        seen(cluster, region.index, &app).await?;
    }
    Ok(app)
}

async fn seen(cluster: &DevelopmentCluster, region: usize, app: &str) -> anyhow::Result<()> {
    let connection = cluster.connect(region).await?;
    let mut apps = connection.apps();
    let began = Instant::now();
    loop {
        let request = v1::GetChannelRequest { app_id: app.to_owned(), channel: v1::Channel::Sms as i32 };
        match connection.answer(apps.get_channel(request)).await {
            Ok(_) => return Ok(()),
            Err(failure) if began.elapsed() > SEEN_MAX => return Err(failure.into()),
            Err(_) => sleep(SEEN_LOOK).await,
        }
    }
}
