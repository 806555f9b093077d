//! Links between nodes, which are pipes in memory, that a test can cut: connections break, and new ones are refused.
//! What a node sends can also be held back, as a network does, and be delivered after the node believes the connection
//! lost; and what it is answered can be lost.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use model::cluster::NodeInfo;
use model::id::NodeId;
use replication::peer_endpoint;
use replication::{Incoming, InvalidPeerAddress, PeerProof, PeerStream, PeerTransport};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::transport::Channel;

/// How many bytes a pipe holds.
const PIPE_BYTES: usize = 1024 * 1024;

type Pair = (NodeId, NodeId);
/// From whom to whom.
type Way = (NodeId, NodeId);

/// Which links are cut, and which nodes listen.
#[derive(Clone, Default)]
pub struct Links {
    cut: Arc<Mutex<BTreeSet<Pair>>>,
    listeners: Arc<Mutex<BTreeMap<String, Listener>>>,
    held: Arc<Mutex<Held>>,
    muted: Arc<Mutex<BTreeSet<Way>>>,
}

/// What one node sends to another and the network doesn't deliver.
#[derive(Default)]
struct Held {
    /// From whom to whom.
    ways: BTreeSet<Way>,
    /// All that was held, for looking at.
    seen: Vec<u8>,
    /// The connections that their senders gave up, and what is still on its way in each.
    lost: Vec<(Way, DuplexStream, Vec<u8>)>,
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

    /// Makes a node reachable at one more address.
    pub fn alias(&self, address: &str, id: NodeId) {
        let mut listeners = self.listeners.lock().unwrap();
        let connections = listeners[&self::address(id)].connections.clone();
        listeners.insert(address.to_owned(), Listener { node: id, connections });
    }

    /// Cuts two nodes off from each other.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        self.cut.lock().unwrap().insert(pair(one, other));
    }

    /// Mends all links.
    pub fn heal(&self) {
        self.cut.lock().unwrap().clear();
    }

    /// Holds back what a node sends to another from now on.
    pub fn hold(&self, from: NodeId, to: NodeId) {
        self.held.lock().unwrap().ways.insert((from, to));
    }

    /// Says whether something held contains these bytes.
    pub fn holds_bytes(&self, bytes: &[u8]) -> bool {
        self.held.lock().unwrap().seen.windows(bytes.len()).any(|window| window == bytes)
    }

    /// Breaks the connections that something is held of, for the sender; new ones deliver.
    pub fn lose_held(&self) {
        self.held.lock().unwrap().ways.clear();
    }

    /// Lets nothing come back to a node of what it asks another, from now on.
    pub fn mute(&self, from: NodeId, to: NodeId) {
        self.muted.lock().unwrap().insert((from, to));
    }

    /// Breaks the connections on which nothing came back; what was answered on them is lost. New ones deliver.
    pub fn lose_answers(&self) {
        self.muted.lock().unwrap().clear();
    }

    /// Says whether a node gave up a connection to another that something is held of.
    pub fn gave_up(&self, from: NodeId, to: NodeId) -> bool {
        self.held.lock().unwrap().lost.iter().any(|(way, _, _)| *way == (from, to))
    }

    /// Delivers what was held, and waits until each of its calls is answered, to nobody. Returns how many these were.
    pub async fn deliver_held(&self) -> usize {
        let lost = super::eventually("the sender to give up", || async {
            let lost = std::mem::take(&mut self.held.lock().unwrap().lost);
            (!lost.is_empty()).then_some(lost)
        })
        .await;
        let mut answered = 0;
        for (_, mut stream, bytes) in lost {
            stream.write_all(&bytes).await.unwrap();
            let mut waiting = calls(&bytes);
            answered += waiting.len();
            while !waiting.is_empty() {
                let mut header = [0; FRAME_HEADER];
                stream.read_exact(&mut header).await.unwrap();
                let frame = Frame::parse(&header);
                stream.read_exact(&mut vec![0; frame.len]).await.unwrap();
                if frame.ends_stream() {
                    waiting.remove(&frame.stream);
                }
            }
        }
        answered
    }

    fn holds(&self, way: Way) -> bool {
        self.held.lock().unwrap().ways.contains(&way)
    }

    fn mutes(&self, way: Way) -> bool {
        self.muted.lock().unwrap().contains(&way)
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
        let way = (own, listener.node);
        let (stream, theirs) = tokio::io::duplex(PIPE_BYTES);
        if self.is_cut(pair(own, listener.node)) || listener.connections.send(theirs).is_err() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        Ok(LinkStream { stream: Some(stream), links: self.clone(), way, held: Vec::new(), muted: false })
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
    fn connect(&self, to: &NodeInfo) -> Result<Channel, InvalidPeerAddress> {
        let (links, own, address) = (self.links.clone(), self.own, to.peer.clone());
        let connector = tower::service_fn(move |_| std::future::ready(links.connect(own, &address).map(TokioIo::new)));
        Ok(peer_endpoint(&to.peer)?.connect_with_connector_lazy(connector))
    }

    fn incoming(&self) -> Incoming {
        let incoming = UnboundedReceiverStream::new(self.links.listen(self.own));
        incoming.map(|stream| Ok(PeerStream::new(stream, PeerProof::Unproved))).boxed()
    }
}

/// A connection that breaks when its link is cut.
struct LinkStream {
    stream: Option<DuplexStream>,
    links: Links,
    way: Way,
    /// What was sent and held back.
    held: Vec<u8>,
    /// Whether answers were held back from it.
    muted: bool,
}

impl LinkStream {
    fn check(&mut self) -> io::Result<Pin<&mut DuplexStream>> {
        let lost = !self.held.is_empty() && !self.links.holds(self.way);
        let lost = lost || self.muted && !self.links.mutes(self.way);
        if lost || self.links.is_cut(pair(self.way.0, self.way.1)) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(Pin::new(self.stream.as_mut().unwrap()))
    }
}

impl Drop for LinkStream {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            let lost = (self.way, self.stream.take().unwrap(), std::mem::take(&mut self.held));
            self.links.held.lock().unwrap().lost.push(lost);
        }
    }
}

impl AsyncRead for LinkStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        if self.links.mutes(self.way) {
            self.muted = true;
            // Whoever writes to it next finds it broken.
            return Poll::Pending;
        }
        self.check()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for LinkStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        if self.links.holds(self.way) {
            self.links.held.lock().unwrap().seen.extend(bytes);
            self.held.extend(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        self.check()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.stream.as_mut().unwrap()).poll_shutdown(cx)
    }
}

/// The length of the header of an HTTP/2 frame (RFC 9113, 4.1).
const FRAME_HEADER: usize = 9;

/// What an HTTP/2 frame's header says.
struct Frame {
    len: usize,
    kind: u8,
    flags: u8,
    stream: u32,
}

impl Frame {
    fn parse(header: &[u8]) -> Frame {
        let len = u32::from_be_bytes([0, header[0], header[1], header[2]]) as usize;
        let stream = u32::from_be_bytes(header[5..9].try_into().unwrap());
        Frame { len, kind: header[3], flags: header[4], stream }
    }

    /// DATA or HEADERS with END_STREAM, or RST_STREAM.
    fn ends_stream(&self) -> bool {
        (self.kind <= 1 && self.flags & 1 == 1) || self.kind == 3
    }
}

/// Lists the streams that are requested whole in what a client sent.
fn calls(mut bytes: &[u8]) -> BTreeSet<u32> {
    let mut calls = BTreeSet::new();
    while bytes.len() >= FRAME_HEADER {
        let frame = Frame::parse(bytes);
        if frame.kind == 3 {
            calls.remove(&frame.stream);
        } else if frame.ends_stream() {
            calls.insert(frame.stream);
        }
        bytes = &bytes[FRAME_HEADER + frame.len..];
    }
    calls
}
