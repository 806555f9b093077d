//! The product: a development cluster, measured by `signalbox bench`.

use std::process::Stdio;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::children::Children;
use crate::table::{PRODUCT, Table, Writes};
use crate::{Run, WRITE_BYTES};

/// A development cluster that runs.
struct Cluster<'a> {
    run: &'a Run,
    folder: String,
    children: Children,
    ready: String,
}

/// How much more than it took is offered to a cluster that is overloaded.
const OVERLOAD: f64 = 3.0;

/// Measures sending, also of more than can be sent.
///
/// # Errors
/// When the cluster doesn't start or a measurement fails.
pub async fn load(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let length = format!("{}s", run.length.as_secs());
    let mut most: f64 = 0.0;
    for (what, aim, options) in [
        ("messages, 100 recipients a request", "25,000/s", "--recipients 100 --clients 32"),
        ("messages, 1 recipient a request", "10,000/s", "--recipients 1 --clients 256"),
    ] {
        let cluster = Cluster::start(run, "load", 4).await?;
        let command = format!("send --max {options} --length {length}");
        let found = cluster.bench(&command).await?;
        table.add(what, aim, sent(&found), &format!("signalbox bench {command}"));
        let half = (number(&found, "/sent_per_s") / 2.0).max(1.0);
        let command = format!("send --rate {half:.0} {options} --length {length}");
        let found = cluster.bench(&command).await?;
        table.add(&format!("{what}, at half load"), "", sent(&found), &format!("signalbox bench {command}"));
        most = most.max(half * 2.0);
        cluster.stop().await?;
    }
    let cluster = Cluster::start(run, "load", 4).await?;
    let command = format!("send --max --grpc --recipients 1 --clients 256 --length {length}");
    let found = cluster.bench(&command).await?;
    table.add("messages over gRPC, 1 recipient", "", sent(&found), &format!("signalbox bench {command}"));
    let command = format!("send --rate {:.0} --recipients 100 --clients 1024 --length 30s", most * OVERLOAD);
    let found = cluster.bench(&command).await?;
    let what = format!("messages, {OVERLOAD:.0} times what it can take");
    table.add(&what, "memory flat", sent(&found), &format!("signalbox bench {command}"));
    cluster.stop().await
}

/// Measures writing.
///
/// # Errors
/// As [`load`].
pub async fn writes(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let cluster = Cluster::start(run, "writes", 4).await?;
    let length = format!("{}s", run.length.as_secs());
    for (clients, batch, aim) in [(64, 1, ""), (256, 1, "30,000/s"), (24, 100, "100,000/s")] {
        let command = format!("endpoints --clients {clients} --batch {batch} --size {WRITE_BYTES} --length {length}");
        let found = cluster.bench(&command).await?;
        let what = match batch {
            1 => format!("endpoint writes, {clients} clients"),
            _ => format!("endpoint writes, {clients} clients with {batch} under way each (no batch listener yet)"),
        };
        table.add(&what, aim, written(&found), &format!("signalbox bench {command}"));
        if batch == 1 {
            table.compare(Writes {
                who: PRODUCT,
                clients,
                per_cpu_second: number(&found, "/written_per_node_cpu_s"),
                per_second: number(&found, "/written_per_s"),
            });
        }
    }
    cluster.stop().await
}

/// Measures idle clusters.
///
/// # Errors
/// As [`load`].
pub async fn idle(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    for partitions in [4, 16] {
        let cluster = Cluster::start(run, &format!("idle-{partitions}"), partitions).await?;
        table.add(&format!("first start, P = {partitions}"), "", cluster.ready.clone(), "signalbox dev --fresh");
        let command = "idle --length 30s --restart";
        let found = cluster.bench(command).await?;
        let what = format!("idle, P = {partitions}");
        table.add(&what, "under 80 MB a node", idles(&found), &format!("signalbox bench {command}"));
        if partitions == 4 {
            let command = format!("idle --length 10s --restart --endpoints {}", run.endpoints);
            let found = cluster.bench(&command).await?;
            let what = format!("after {} endpoints", run.endpoints);
            table.add(&what, "", idles(&found), &format!("signalbox bench {command}"));
        }
        cluster.stop().await?;
    }
    Ok(())
}

/// Measures the loss of a region.
///
/// # Errors
/// As [`load`].
pub async fn failover(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let cluster = Cluster::start(run, "failover", 4).await?;
    let command = format!("failover --rounds {}", run.rounds);
    let found = cluster.bench(&command).await?;
    let times = |what: &str| {
        let at = |quantile: &str| number(&found, &format!("/{what}/{quantile}_ms"));
        format!("p50 {:.0} ms, p99 {:.0} ms", at("p50"), at("p99"))
    };
    let command = format!("signalbox bench {command}");
    table.add("region killed: other listeners accept every message after", "", times("accepting"), &command);
    table.add("region killed: new messages are sent at once after", "3 s (at 80 ms)", times("flowing"), &command);
    table.add("region killed: what waited is sent after", "5 s (at 80 ms)", times("waiting"), &command);
    let lost = format!("{} not sent, {} twice", number(&found, "/not_sent"), number(&found, "/duplicates"));
    table.add("region killed: accepted messages", "0 not sent", lost, &command);
    cluster.stop().await
}

impl Cluster<'_> {
    async fn start<'a>(run: &'a Run, name: &str, partitions: u16) -> anyhow::Result<Cluster<'a>> {
        let folder = run.folder.join(name).display().to_string();
        let mut children = Children::default();
        let mut command = Command::new(&run.program);
        command
            .args(["dev", "--fresh", "--base-port", &run.base_port.to_string(), "--folder", &folder])
            .env("SIGNALBOX__CLUSTER__PARTITIONS", partitions.to_string())
            .env("SIGNALBOX__FAILOVER__CHANGES_PER_HOUR_MAX", "1000");
        let ready = children.start_until(command, "is ready after").await?;
        Ok(Cluster { run, folder, children, ready })
    }

    /// Runs `signalbox bench` and returns what it found.
    async fn bench(&self, command: &str) -> anyhow::Result<Value> {
        let mut process = Command::new(&self.run.program);
        process.args(["bench", "--output", "json", "--base-port", &self.run.base_port.to_string()]);
        process.args(["--folder", &self.folder]).args(command.split(' ')).stderr(Stdio::piped());
        let output = process.kill_on_drop(true).output().await.context("failed to start the measurement")?;
        if !output.status.success() {
            bail!("`signalbox bench {command}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        serde_json::from_slice(&output.stdout).context("failed to read what the measurement found")
    }

    async fn stop(self) -> anyhow::Result<()> {
        self.children.stop().await
    }
}

fn number(found: &Value, path: &str) -> f64 {
    found.pointer(path).and_then(Value::as_f64).unwrap_or(0.0)
}

fn sent(found: &Value) -> String {
    let rest = if found["sent_in_full"] == true { "" } else { ", NOT ALL SENT" };
    format!(
        "accepted {:.0}/s, sent {:.0}/s{rest}; acceptance {}; {:.0} CPU s a million; {:.0} bytes written each; CPU s: \
         nodes {:.1}, sandbox {:.1}, load {:.1}; resident MB of the nodes together: {:.0} before, {:.0} at most; {:.0} \
         refused{}",
        number(found, "/accepted_per_s"),
        number(found, "/sent_per_s"),
        latency(found, "accept_latency"),
        number(found, "/cost/node_cpu_s_per_million"),
        number(found, "/cost/written_bytes_each"),
        number(found, "/cost/node_cpu_s"),
        number(found, "/cost/sandbox_cpu_s"),
        number(found, "/cost/load_cpu_s"),
        number(found, "/cost/node_resident_before_bytes") * 1e-6,
        number(found, "/cost/node_resident_peak_bytes") * 1e-6,
        number(found, "/refused"),
        failures(found)
    )
}

fn written(found: &Value) -> String {
    format!(
        "{:.0}/s; {:.0} per CPU second; {}; {:.0} bytes written each; CPU s: nodes {:.1}, load {:.1}{}",
        number(found, "/written_per_s"),
        number(found, "/written_per_node_cpu_s"),
        latency(found, "latency"),
        number(found, "/cost/written_bytes_each"),
        number(found, "/cost/node_cpu_s"),
        number(found, "/cost/load_cpu_s"),
        failures(found)
    )
}

fn idles(found: &Value) -> String {
    let list = |path: &str, scale: f64, digits: usize| {
        let nodes = found["nodes"].as_array().map(Vec::as_slice).unwrap_or_default();
        let texts = nodes.iter().map(|node| format!("{:.digits$}", number(node, path) * scale));
        texts.collect::<Vec<_>>().join(" / ")
    };
    format!(
        "resident {} MB; CPU {} %; {:.0} bytes/s between the regions; ready again after {} ms",
        list("/resident_bytes", 1e-6, 1),
        list("/cpu_share", 100.0, 2),
        number(found, "/loopback_bytes_per_s"),
        list("/ready_after_ms", 1.0, 0)
    )
}

fn latency(found: &Value, name: &str) -> String {
    let at = |quantile: &str| number(found, &format!("/{name}/{quantile}_ms"));
    format!("p50 {:.1}, p99 {:.1}, p99.9 {:.1} ms", at("p50"), at("p99"), at("p999"))
}

fn failures(found: &Value) -> String {
    match found["first_failure"].as_str() {
        Some(first) => format!("; {:.0} requests FAILED: {first}", number(found, "/failures")),
        None => String::new(),
    }
}
