//! Links between nodes over loopback that a test can cut: connections break, and new ones are refused.

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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Channel;

type Pair = (NodeId, NodeId);

/// Which links are cut, and where nodes listen.
#[derive(Clone, Default)]
pub struct Links {
    cut: Arc<Mutex<BTreeSet<Pair>>>,
    listeners: Arc<Mutex<BTreeMap<NodeId, TcpListener>>>,
    addresses: Arc<Mutex<BTreeMap<NodeId, String>>>,
}

fn pair(a: NodeId, b: NodeId) -> Pair {
    (a.min(b), a.max(b))
}

impl Links {
    /// Takes a free port for a node.
    pub async fn listen(&self, id: NodeId) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        self.listeners.lock().unwrap().insert(id, listener);
        self.addresses.lock().unwrap().insert(id, address.clone());
        address
    }

    /// Takes the same port again after the node stopped.
    pub async fn listen_again(&self, id: NodeId) {
        let address = self.addresses.lock().unwrap()[&id].clone();
        let listener =
            super::eventually("the port to be free", || async { TcpListener::bind(&address).await.ok() }).await;
        self.listeners.lock().unwrap().insert(id, listener);
    }

    /// Cuts a node off from all others.
    pub fn isolate(&self, id: NodeId) {
        let others: Vec<NodeId> = self.addresses.lock().unwrap().keys().copied().collect();
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

    fn node_at(&self, address: &str) -> Option<NodeId> {
        self.addresses.lock().unwrap().iter().find(|(_, at)| *at == address).map(|(id, _)| *id)
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
        let (links, own, address) = (self.links.clone(), self.own, address.to_owned());
        let endpoint = peer_endpoint(&address)?;
        Ok(endpoint.connect_with_connector_lazy(tower::service_fn(move |_| {
            let (links, address) = (links.clone(), address.clone());
            async move {
                let other = links.node_at(&address).ok_or(io::ErrorKind::NotFound)?;
                let pair = pair(own, other);
                if links.is_cut(pair) {
                    return Err(io::Error::from(io::ErrorKind::ConnectionRefused));
                }
                let stream = TcpStream::connect(&address).await?;
                stream.set_nodelay(true)?;
                Ok(TokioIo::new(LinkStream { stream, links, pair }))
            }
        })))
    }

    fn incoming(&self) -> Incoming {
        let listener = self.links.listeners.lock().unwrap().remove(&self.own).expect("the node listens once");
        TcpListenerStream::new(listener)
            .map(|stream| {
                let stream = stream?;
                stream.set_nodelay(true)?;
                Ok(PeerStream::new(stream))
            })
            .boxed()
    }
}

/// A connection that breaks when its link is cut.
struct LinkStream {
    stream: TcpStream,
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
