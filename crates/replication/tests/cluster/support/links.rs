//! Links between nodes, which are pipes in memory, that a test can cut: connections break, and new ones are refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use model::id::NodeId;
use replication::transport::peer_endpoint;
use replication::{Incoming, InvalidPeerAddress, PeerStream, PeerTransport};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;

/// How many bytes a pipe holds.
const PIPE_BYTES: usize = 1024 * 1024;

type Pair = (NodeId, NodeId);

/// Which links are cut, and which nodes listen.
#[derive(Clone, Default)]
pub struct Links {
    cut: Arc<Mutex<BTreeSet<Pair>>>,
    listeners: Arc<Mutex<BTreeMap<String, Listener>>>,
}

/// Where connections to a node are handed in. It listens as long as somebody holds the other end.
struct Listener {
    node: NodeId,
    connections: mpsc::UnboundedSender<DuplexStream>,
}

fn pair(a: NodeId, b: NodeId) -> Pair {
    (a.min(b), a.max(b))
}

/// Returns the address of a node.
pub fn address(id: NodeId) -> String {
    format!("node-{id}:1")
}

impl Links {
    /// Cuts a node off from all others.
    pub fn isolate(&self, id: NodeId) {
        let others: Vec<NodeId> = self.listeners.lock().unwrap().values().map(|listener| listener.node).collect();
        let mut cut = self.cut.lock().unwrap();
        others.into_iter().filter(|other| *other != id).for_each(|other| {
            cut.insert(pair(id, other));
        });
    }

    /// Cuts two nodes off from each other.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        self.cut.lock().unwrap().insert(pair(one, other));
    }

    /// Mends all links.
    pub fn heal(&self) {
        self.cut.lock().unwrap().clear();
    }

    fn is_cut(&self, pair: Pair) -> bool {
        self.cut.lock().unwrap().contains(&pair)
    }

    fn listen(&self, node: NodeId) -> mpsc::UnboundedReceiver<DuplexStream> {
        let (connections, incoming) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap().insert(address(node), Listener { node, connections });
        incoming
    }

    fn connect(&self, own: NodeId, address: &str) -> io::Result<LinkStream> {
        let listeners = self.listeners.lock().unwrap();
        let listener = listeners.get(address).ok_or(io::ErrorKind::ConnectionRefused)?;
        let pair = pair(own, listener.node);
        let (stream, theirs) = tokio::io::duplex(PIPE_BYTES);
        if self.is_cut(pair) || listener.connections.send(theirs).is_err() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(LinkStream { stream, links: self.clone(), pair })
    }
}

/// One node's side of the links.
pub struct LinkedTransport {
    links: Links,
    own: NodeId,
}

impl LinkedTransport {
    pub fn new(links: Links, own: NodeId) -> LinkedTransport {
        LinkedTransport { links, own }
    }
}

impl PeerTransport for LinkedTransport {
    fn connect(&self, address: &str) -> Result<Channel, InvalidPeerAddress> {
        let (links, own, to) = (self.links.clone(), self.own, address.to_owned());
        let connector = tower::service_fn(move |_| std::future::ready(links.connect(own, &to).map(TokioIo::new)));
        Ok(peer_endpoint(address)?.connect_with_connector_lazy(connector))
    }

    fn incoming(&self) -> Incoming {
        let incoming = UnboundedReceiverStream::new(self.links.listen(self.own));
        incoming.map(|stream| Ok(PeerStream::new(stream))).boxed()
    }
}

/// A connection that breaks when its link is cut.
struct LinkStream {
    stream: DuplexStream,
    links: Links,
    pair: Pair,
}

impl LinkStream {
    fn check(&self) -> io::Result<()> {
        if self.links.is_cut(self.pair) { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl AsyncRead for LinkStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for LinkStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
