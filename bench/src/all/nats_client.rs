//! As much of a NATS client as publishing with an answer needs: one connection, one request at a time.
//! <https://docs.nats.io/reference/reference-protocols/nats-protocol>

use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// The largest payload that is read, in bytes.
const PAYLOAD_MAX: usize = 1 << 20;

/// A connection.
pub struct NatsClient {
    stream: BufReader<TcpStream>,
}

impl NatsClient {
    /// Connects to a server on this machine and subscribes to the subject on which answers come: one that nobody else
    /// has, made of the connection's own port.
    pub async fn connect(port: u16) -> anyhow::Result<NatsClient> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.context("failed to connect to NATS")?;
        stream.set_nodelay(true).context("failed to send without delay")?;
        let mut client = NatsClient { stream: BufReader::new(stream) };
        let greeting = client.line().await?;
        if !greeting.starts_with("INFO ") {
            bail!("this is no NATS server: {greeting:?}");
        }
        let inbox = client.inbox()?;
        let hello = format!("CONNECT {{\"verbose\":false,\"pedantic\":false,\"headers\":true}}\r\nSUB {inbox} 1\r\n");
        client.stream.get_mut().write_all(hello.as_bytes()).await.context("failed to greet")?;
        Ok(client)
    }

    /// Publishes a payload and waits for the answer.
    pub async fn request(&mut self, subject: &str, payload: &[u8]) -> anyhow::Result<String> {
        let inbox = self.inbox()?;
        let mut message = format!("PUB {subject} {inbox} {}\r\n", payload.len()).into_bytes();
        message.extend_from_slice(payload);
        message.extend_from_slice(b"\r\n");
        self.stream.get_mut().write_all(&message).await.context("failed to publish")?;
        timeout(ANSWER_MAX, self.answer()).await.with_context(|| format!("no answer in {ANSWER_MAX:?}"))?
    }

    async fn answer(&mut self) -> anyhow::Result<String> {
        loop {
            let line = self.line().await?;
            match line.split_whitespace().collect::<Vec<_>>()[..] {
                ["MSG" | "HMSG", .., length] => return self.payload(length.parse().context("no length")?).await,
                ["PING"] => self.stream.get_mut().write_all(b"PONG\r\n").await.context("failed to answer")?,
                ["-ERR", ..] => bail!("{line}"),
                _ => {}
            }
        }
    }

    async fn payload(&mut self, length: usize) -> anyhow::Result<String> {
        if length > PAYLOAD_MAX {
            bail!("an answer of {length} bytes");
        }
        let mut payload = vec![0; length + 2];
        self.stream.read_exact(&mut payload).await.context("failed to read an answer")?;
        payload.truncate(length);
        Ok(String::from_utf8_lossy(&payload).into_owned())
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await.context("failed to read from NATS")? == 0 {
            bail!("the server closed the connection");
        }
        Ok(line.trim_end().to_owned())
    }

    fn inbox(&self) -> anyhow::Result<String> {
        let local = self.stream.get_ref().local_addr().context("failed to learn the connection's port")?;
        let peer = self.stream.get_ref().peer_addr().context("failed to learn the server's port")?;
        Ok(format!("_INBOX.bench.{}.{}", peer.port(), local.port()))
    }
}
