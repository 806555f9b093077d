//! What was found about the product, as rows of the table say it.

use crate::commands::endpoints::EndpointsReport;
use crate::commands::idle::{IdleReport, NodeReport};
use crate::commands::send::SendReport;
use crate::measure::Percentiles;

/// Says what sending found.
pub fn sent(found: &SendReport) -> String {
    let rest = if found.sent_in_full { "" } else { ", NOT ALL SENT" };
    format!(
        "accepted {:.0}/s, sent {:.0}/s{rest}; acceptance {}; {:.0} CPU s a million; {:.0} bytes written each; CPU s: \
         nodes {:.1}, sandbox {:.1}, load {:.1}; resident MB of the nodes together: {:.0} before, {:.0} at most; {} \
         refused{}",
        found.accepted_per_s,
        found.sent_per_s,
        latency(found.accept_latency),
        found.cost.node_cpu_s_per_million,
        found.cost.written_bytes_each,
        found.cost.node_cpu_s,
        found.cost.sandbox_cpu_s,
        found.cost.load_cpu_s,
        found.cost.node_resident_before_bytes as f64 * 1e-6,
        found.cost.node_resident_peak_bytes as f64 * 1e-6,
        found.refused,
        failures(found.failures, found.first_failure.as_deref())
    )
}

/// Says what writing endpoints found.
pub fn written(found: &EndpointsReport) -> String {
    format!(
        "{:.0}/s; {:.0} per CPU second; {}; {:.0} bytes written each; CPU s: nodes {:.1}, load {:.1}{}",
        found.written_per_s,
        found.written_per_node_cpu_s,
        latency(found.latency),
        found.cost.written_bytes_each,
        found.cost.node_cpu_s,
        found.cost.load_cpu_s,
        failures(found.failures, found.first_failure.as_deref())
    )
}

/// Says what watching an idle cluster found.
pub fn idle(found: &IdleReport) -> String {
    let list = |text: &dyn Fn(&NodeReport) -> String| found.nodes.iter().map(text).collect::<Vec<_>>().join(" / ");
    format!(
        "resident {} MB; CPU {} %; {:.0} bytes/s between the regions; ready again after {} ms",
        list(&|node| format!("{:.1}", node.resident_bytes as f64 * 1e-6)),
        list(&|node| format!("{:.2}", node.cpu_share * 100.0)),
        found.loopback_bytes_per_s,
        list(&|node| node.ready_after_ms.unwrap_or(0).to_string())
    )
}

/// Says when a failover was over, in half of the rounds and in 99 of 100.
pub fn after_kill(found: Percentiles) -> String {
    format!("p50 {:.0} ms, p99 {:.0} ms", found.p50_ms, found.p99_ms)
}

fn latency(found: Percentiles) -> String {
    format!("p50 {:.1}, p99 {:.1}, p99.9 {:.1} ms", found.p50_ms, found.p99_ms, found.p999_ms)
}

fn failures(count: u64, first: Option<&str>) -> String {
    first.map_or_else(String::new, |first| format!("; {count} requests FAILED: {first}"))
}
