//! Orders to a running supervisor, over a socket in its folder: one line asks, one line answers.

use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// The longest order or answer, in bytes.
const LINE_MAX: u64 = 4_096;

/// What a supervisor can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Kill a region's process, as `kill -9` does.
    Kill(String),
    /// Start a region's process.
    Start(String),
    /// Ask a region's process to stop.
    Stop(String),
    /// Say what runs.
    Status,
}

impl std::fmt::Display for Order {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Order::Kill(region) => write!(f, "kill {region}"),
            Order::Start(region) => write!(f, "start {region}"),
            Order::Stop(region) => write!(f, "stop {region}"),
            Order::Status => f.write_str("status"),
        }
    }
}

impl FromStr for Order {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Order> {
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["kill", region] => Ok(Order::Kill(region.to_owned())),
            ["start", region] => Ok(Order::Start(region.to_owned())),
            ["stop", region] => Ok(Order::Stop(region.to_owned())),
            ["status"] => Ok(Order::Status),
            _ => bail!("an order is `kill REGION`, `start REGION`, `stop REGION` or `status`, found {line:?}"),
        }
    }
}

/// Gives an order to the supervisor whose socket this is, and returns its answer.
///
/// # Errors
/// When no supervisor listens there, or it refused.
pub async fn ask(socket: &Path, order: &Order) -> anyhow::Result<String> {
    let mut stream = UnixStream::connect(socket).await.with_context(|| {
        format!("no development cluster listens on {}; start one with `signalbox dev`", socket.display())
    })?;
    stream.write_all(format!("{order}\n").as_bytes()).await.context("failed to send the order")?;
    let mut answer = String::new();
    BufReader::new(stream).take(LINE_MAX).read_to_string(&mut answer).await.context("failed to read the answer")?;
    match answer.trim_end().split_once(' ') {
        Some(("ok", text)) => Ok(text.to_owned()),
        Some(("error", text)) => bail!("{text}"),
        _ => bail!("the supervisor answered {answer:?}"),
    }
}

/// Reads one order from a connection.
pub(super) async fn read_order(stream: &mut UnixStream) -> anyhow::Result<Order> {
    let mut line = String::new();
    BufReader::new(stream).take(LINE_MAX).read_line(&mut line).await.context("failed to read an order")?;
    line.parse()
}

/// Answers an order.
pub(super) async fn answer(stream: &mut UnixStream, answer: anyhow::Result<String>) -> std::io::Result<()> {
    let line = match answer {
        Ok(text) => format!("ok {text}\n"),
        Err(error) => format!("error {error:#}\n"),
    };
    stream.write_all(line.as_bytes()).await
}
