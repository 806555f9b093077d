//! The product: development clusters, started for each part and measured as the other commands of this program do.

use signalbox::console::{Console, Format};

use super::product_rows::{after_kill, idle as idle_row, sent, written};
use super::run::{Run, WRITE_BYTES};
use super::started::{StartedCluster, measurement};
use super::table::{PRODUCT, Table, Writes};
use crate::commands::endpoints::{EndpointMeasurement, EndpointsReport};
use crate::commands::failover::FailoverMeasurement;
use crate::commands::idle::{IdleMeasurement, IdleReport};
use crate::commands::send::{SendMeasurement, SendReport};

/// How much more than it took is offered to a cluster that is overloaded.
const OVERLOAD: f64 = 3.0;

/// Measures sending, also of more than can be sent.
pub async fn load(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let length = format!("{}s", run.length.as_secs());
    let mut most: f64 = 0.0;
    for (what, aim, options) in [
        ("messages, 100 recipients a request", "25,000/s", "--recipients 100 --clients 32"),
        ("messages, 1 recipient a request", "10,000/s", "--recipients 1 --clients 256"),
    ] {
        let started = StartedCluster::start(run, "load", 4).await?;
        let command = format!("send --max {options} --length {length}");
        let found = send(&started, &command).await?;
        table.add(what, aim, sent(&found), &shown(&command));
        let half = (found.sent_per_s / 2.0).max(1.0);
        let command = format!("send --rate {half:.0} {options} --length {length}");
        let found = send(&started, &command).await?;
        table.add(&format!("{what}, at half load"), "", sent(&found), &shown(&command));
        most = most.max(half * 2.0);
        started.stop().await?;
    }
    let started = StartedCluster::start(run, "load", 4).await?;
    let command = format!("send --max --grpc --recipients 1 --clients 256 --length {length}");
    table.add("messages over gRPC, 1 recipient", "", sent(&send(&started, &command).await?), &shown(&command));
    let command = format!("send --rate {:.0} --recipients 100 --clients 1024 --length 30s", most * OVERLOAD);
    let what = format!("messages, {OVERLOAD:.0} times what it can take");
    table.add(&what, "memory flat", sent(&send(&started, &command).await?), &shown(&command));
    started.stop().await
}

/// Measures writing.
pub async fn writes(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let started = StartedCluster::start(run, "writes", 4).await?;
    let length = format!("{}s", run.length.as_secs());
    for (clients, batch, aim) in [(64, 1, ""), (256, 1, "30,000/s"), (24, 100, "100,000/s")] {
        let command = format!("endpoints --clients {clients} --batch {batch} --size {WRITE_BYTES} --length {length}");
        let found = write(&started, &command).await?;
        let what = match batch {
            1 => format!("endpoint writes, {clients} clients"),
            _ => format!("endpoint writes, {clients} clients with {batch} under way each (no batch listener yet)"),
        };
        table.add(&what, aim, written(&found), &shown(&command));
        if batch == 1 {
            table.compare(Writes {
                who: PRODUCT,
                clients,
                per_cpu_second: found.written_per_node_cpu_s,
                per_second: found.written_per_s,
            });
        }
    }
    started.stop().await
}

/// Measures idle clusters.
pub async fn idle(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    for partitions in [4, 16] {
        let started = StartedCluster::start(run, &format!("idle-{partitions}"), partitions).await?;
        table.add(&format!("first start, P = {partitions}"), "", started.ready.clone(), "signalbox dev --fresh");
        let command = "idle --length 30s --restart";
        let found = watch(&started, command).await?;
        table.add(&format!("idle, P = {partitions}"), "under 80 MB a node", idle_row(&found), &shown(command));
        if partitions == 4 {
            let command = format!("idle --length 10s --restart --endpoints {}", run.endpoints);
            let found = watch(&started, &command).await?;
            table.add(&format!("after {} endpoints", run.endpoints), "", idle_row(&found), &shown(&command));
        }
        started.stop().await?;
    }
    Ok(())
}

/// Measures the loss of a region.
pub async fn failover(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let started = StartedCluster::start(run, "failover", 4).await?;
    let command = format!("failover --rounds {}", run.rounds);
    let mut progress = std::io::stderr();
    let mut console = Console::new(&mut progress, Format::Table);
    let found = measurement::<FailoverMeasurement>(&command)?.measure(&started.cluster, &mut console).await?;
    let command = shown(&command);
    let accepting = after_kill(found.accepting);
    table.add("region killed: other listeners accept every message after", "", accepting, &command);
    let flowing = after_kill(found.flowing);
    table.add("region killed: new messages are sent at once after", "3 s (at 80 ms)", flowing, &command);
    table.add("region killed: what waited is sent after", "5 s (at 80 ms)", after_kill(found.waiting), &command);
    let lost = format!("{} not sent, {} twice", found.not_sent, found.duplicates);
    table.add("region killed: accepted messages", "0 not sent", lost, &command);
    started.stop().await
}

async fn send(started: &StartedCluster, command: &str) -> anyhow::Result<SendReport> {
    measurement::<SendMeasurement>(command)?.measure(&started.cluster).await
}

async fn write(started: &StartedCluster, command: &str) -> anyhow::Result<EndpointsReport> {
    measurement::<EndpointMeasurement>(command)?.measure(&started.cluster).await
}

async fn watch(started: &StartedCluster, command: &str) -> anyhow::Result<IdleReport> {
    measurement::<IdleMeasurement>(command)?.measure(&started.cluster).await
}

fn shown(command: &str) -> String {
    format!("signalbox-bench {command}")
}
