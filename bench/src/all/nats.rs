//! NATS JetStream: three servers on this machine, publishes to file streams with three replicas, each acknowledged. The
//! servers don't sync a message before they acknowledge it: it is in a majority's page caches then, not on their disks.

use std::time::Duration;

use crate::measure::{Caller, Done};
use anyhow::{Context, bail};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::children::{Children, find, listening};
use super::nats_client::NatsClient;
use super::peer::{self, Peer};
use super::run::{Run, WRITE_BYTES};
use super::table::Table;

/// Streams, each a Raft group: as many as the product's partitions.
const STREAMS: u64 = 4;

/// How long the servers may take until streams can be made.
const READY_MAX: Duration = Duration::from_secs(60);

/// How often that is tried.
const READY_LOOK: Duration = Duration::from_millis(500);

/// Measures NATS JetStream, or says why not.
pub async fn measure(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let command = "apt-get install nats-server; bench/run --only peers";
    let Some(program) = find("nats-server") else {
        table.add("NATS", "", "skipped: the program isn't here".to_owned(), command);
        return Ok(());
    };
    let port = |server: u16| run.base_port + 420 + server;
    let mut children = Children::default();
    for server in 0..3 {
        let config = run.folder.join(format!("nats-{server}.conf"));
        std::fs::write(&config, config_text(run, server, port(server))).context("failed to write a configuration")?;
        let arguments = ["-c".to_owned(), config.display().to_string()];
        children.start(&program, &arguments, &run.folder.join(format!("nats-{server}.log")))?;
    }
    for server in 0..3 {
        listening(port(server)).await?;
    }
    make_streams(port(0)).await?;
    let what = format!("JetStream R3 publishes of {WRITE_BYTES} bytes, not synced before the answer");
    for clients in [64, 256] {
        let publisher = |client: u16| Publisher { port: port(client % 3), client: None };
        let nats = Peer { who: "NATS", what: &what, command, pids: &children.pids(), length: run.length };
        peer::measure(nats, || (0..clients).map(publisher).collect(), table).await?;
    }
    children.stop().await
}

fn config_text(run: &Run, server: u16, port: u16) -> String {
    let route = |server: u16| format!("nats://127.0.0.1:{}", run.base_port + 430 + server);
    let routes = (0..3).map(route).collect::<Vec<_>>().join(", ");
    let store = run.folder.join(format!("nats-{server}"));
    format!(
        "server_name: s{server}\nlisten: \"127.0.0.1:{port}\"\njetstream {{ store_dir: {store:?} }}\n\
         cluster {{ name: bench, listen: \"127.0.0.1:{}\", routes: [{routes}] }}\n",
        run.base_port + 430 + server
    )
}

/// Makes the streams, as soon as the servers have found each other.
async fn make_streams(port: u16) -> anyhow::Result<()> {
    let mut client = NatsClient::connect(port).await?;
    let began = Instant::now();
    for stream in 0..STREAMS {
        let name = format!("bench-{stream}");
        let config = json!({
            "name": name, "subjects": [format!("bench.{stream}")], "num_replicas": 3, "storage": "file",
            "retention": "limits", "discard": "old",
        });
        loop {
            let api = format!("$JS.API.STREAM.CREATE.{name}");
            let answer = client.request(&api, config.to_string().as_bytes()).await;
            match answer {
                Ok(answer) if !answer.contains("\"error\"") => break,
                answer if began.elapsed() > READY_MAX => bail!("failed to make a stream: {answer:?}"),
                Ok(_) => sleep(READY_LOOK).await,
                Err(_) => {
                    sleep(READY_LOOK).await;
                    client = NatsClient::connect(port).await?;
                }
            }
        }
    }
    Ok(())
}

/// One client with a connection of its own.
struct Publisher {
    port: u16,
    client: Option<NatsClient>,
}

impl Publisher {
    async fn publish(&mut self, subject: &str) -> anyhow::Result<()> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => NatsClient::connect(self.port).await?,
        };
        let answer = client.request(subject, &[b'x'; WRITE_BYTES]).await?;
        if !answer.contains("\"seq\"") {
            bail!("{answer}");
        }
        self.client = Some(client);
        Ok(())
    }
}

impl Caller for Publisher {
    async fn call(&mut self, number: u64) -> Result<Done, String> {
        let subject = format!("bench.{}", number % STREAMS);
        self.publish(&subject).await.map_err(|error| format!("{error:#}"))?;
        Ok(Done { units: 1, refused: 0 })
    }
}
