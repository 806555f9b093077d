//! The health of sending, as the contract tells it.

use model::Destination;
use service::ports::HealthReport;
use traffic::health::Advice;
use traffic::observed::{ChannelView, Finding, Subject};
use wire::public::channel_code;
use wire::v1;

/// Writes a report.
pub(super) fn health(report: HealthReport) -> v1::HealthResponse {
    let HealthReport { mode, threshold, views, recent, moved, not_followed } = report;
    let channel = |view: ChannelView| {
        let not_followed = not_followed.get(&(view.channel, view.region.clone())).cloned().unwrap_or_default();
        let here = moved.iter().filter(|(channel, region, _)| (*channel, region) == (view.channel, &view.region));
        let destinations = here.map(|(_, _, destination)| destination);
        v1::ChannelHealth {
            channel: channel_code(view.channel),
            region: view.region.to_string(),
            share_per_mille: view.share_per_mille(),
            score: view.score,
            not_followed,
            moved_destinations: destinations.map(Destination::to_string).collect(),
        }
    };
    v1::HealthResponse {
        mode: mode.to_owned(),
        threshold,
        channels: views.into_iter().map(channel).collect(),
        findings: recent.into_iter().map(finding).collect(),
    }
}

fn finding(finding: Finding) -> v1::HealthFinding {
    let Finding { second, channel, region, subject, advice, evidence } = finding;
    let advice = match advice {
        Advice::Shift { .. } => v1::HealthAdvice::Shift,
        Advice::Return { .. } => v1::HealthAdvice::Return,
        Advice::Shed { .. } => v1::HealthAdvice::Shed,
        Advice::Hold(_) => v1::HealthAdvice::Hold,
    };
    v1::HealthFinding {
        time_ms: second.saturating_mul(1_000),
        channel: channel_code(channel),
        region: region.to_string(),
        destination: match subject {
            Subject::Channel => String::new(),
            Subject::Destination(destination) => destination.to_string(),
        },
        advice: advice as i32,
        evidence,
    }
}
