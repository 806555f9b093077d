//! The health of sending.

use serde::Serialize;
use wire::v1;

use super::plan::percent;
use super::time_text;
use crate::console::{View, table};
use crate::words;

/// How well each channel is sent from each region.
#[derive(Debug, Serialize)]
pub struct HealthView {
    mode: String,
    threshold: f64,
    channels: Vec<ChannelHealthView>,
    findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
struct ChannelHealthView {
    channel: String,
    region: String,
    share_per_mille: u32,
    score: f64,
    /// Null where nothing is kept from being done.
    not_followed: Option<String>,
    /// The destinations that alone were moved away.
    moved_destinations: Vec<String>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    time_ms: u64,
    channel: String,
    region: String,
    /// Null for the whole channel.
    destination: Option<String>,
    advice: String,
    evidence: String,
}

impl From<v1::HealthResponse> for HealthView {
    fn from(response: v1::HealthResponse) -> HealthView {
        let given = |text: String| Some(text).filter(|text| !text.is_empty());
        let channel = |health: v1::ChannelHealth| ChannelHealthView {
            channel: words::channel(health.channel),
            region: health.region,
            share_per_mille: health.share_per_mille,
            score: health.score,
            not_followed: given(health.not_followed),
            moved_destinations: health.moved_destinations,
        };
        let finding = |finding: v1::HealthFinding| FindingView {
            time_ms: finding.time_ms,
            channel: words::channel(finding.channel),
            region: finding.region,
            destination: given(finding.destination),
            advice: words::health_advice(finding.advice),
            evidence: finding.evidence,
        };
        HealthView {
            mode: response.mode,
            threshold: response.threshold,
            channels: response.channels.into_iter().map(channel).collect(),
            findings: response.findings.into_iter().map(finding).collect(),
        }
    }
}

impl HealthView {
    /// Says in a few words how a region sends; nothing when nothing is judged, or it sent nothing.
    pub(super) fn sending(&self, region: &str) -> Option<String> {
        let known: Vec<&ChannelHealthView> = self.channels.iter().filter(|health| health.region == region).collect();
        let trouble = |health: &&ChannelHealthView| {
            let ChannelHealthView { channel, share_per_mille, score, moved_destinations, .. } = health;
            match health.not_followed {
                Some(_) => Some(format!("{channel} BADLY, and stays")),
                None if *share_per_mille < 1_000 => Some(format!("{channel} moved: {}", percent(*share_per_mille))),
                None if !moved_destinations.is_empty() => {
                    Some(format!("{channel} not to {}", moved_destinations.join(", ")))
                }
                None if *score >= self.threshold / 2.0 => Some(format!("{channel} suspected")),
                None => None,
            }
        };
        let troubles: Vec<String> = known.iter().filter_map(trouble).collect();
        let well = || if troubles.is_empty() { "well".to_owned() } else { troubles.join(", ") };
        (!known.is_empty()).then(well)
    }
}

impl View for HealthView {
    fn text(&self) -> String {
        let mode = match self.mode.as_str() {
            "act" => "traffic moves by itself",
            "observe" => "findings are told, and nothing moves (health.mode is observe)",
            _ => return "nothing is judged: health.mode is off".to_owned(),
        };
        let mut parts = vec![format!("{mode}; a channel is moved at a score of {}", self.threshold)];
        let row = |health: &ChannelHealthView| {
            let share = percent(health.share_per_mille);
            [health.channel.clone(), health.region.clone(), share, format!("{:.1}", health.score)]
        };
        parts.push(match self.channels.is_empty() {
            true => "nothing was sent since this node started".to_owned(),
            false => table(["CHANNEL", "REGION", "SHARE", "SCORE"], self.channels.iter().map(row)),
        });
        let stays = self.channels.iter().filter_map(|health| health.not_followed.as_ref());
        parts.extend(stays.map(|why| format!("STAYS: {why}")));
        let moved = self.channels.iter().filter(|health| !health.moved_destinations.is_empty());
        parts.extend(moved.map(|health| {
            let ChannelHealthView { channel, region, moved_destinations, .. } = health;
            format!("ELSEWHERE: what goes on {channel} to {}, not from {region}", moved_destinations.join(", "))
        }));
        let row = |finding: &FindingView| {
            let to = finding.destination.clone().unwrap_or_else(|| "all".to_owned());
            let FindingView { channel, region, advice, evidence, .. } = finding;
            [time_text(finding.time_ms), channel.clone(), region.clone(), to, advice.clone(), evidence.clone()]
        };
        if !self.findings.is_empty() {
            let latest = self.findings.iter().rev().take(LATEST).map(row);
            parts.push(table(["TIME", "CHANNEL", "REGION", "TO", "ADVICE", "EVIDENCE"], latest));
        }
        parts.join("\n\n")
    }
}

/// How many findings people are shown; programs are given all.
const LATEST: usize = 10;
