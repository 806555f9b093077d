//! The nodes' network in the simulator: a process' calls to its kernel behind the seam of `replication`.

use std::io;

use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use model::cluster::NodeInfo;
use replication::peer_endpoint;
use replication::{Incoming, InvalidPeerAddress, PeerProof, PeerStream, PeerTransport};
use tokio::io::DuplexStream;
use tokio::sync::{mpsc, oneshot};
use tonic::transport::Channel;

use super::kernel::{Call, Calls};

/// The network of one process.
#[derive(Debug, Clone)]
pub struct SimTransport(pub Calls);

impl PeerTransport for SimTransport {
    fn connect(&self, to: &NodeInfo) -> Result<Channel, InvalidPeerAddress> {
        let calls = self.0.clone();
        let connector = tower::service_fn(move |uri: http::Uri| {
            let calls = calls.clone();
            async move {
                let to = uri.authority().ok_or_else(|| io::Error::other("an address without a host"))?.to_string();
                connected(&calls, to).await.map(TokioIo::new)
            }
        });
        Ok(peer_endpoint(&to.peer)?.connect_with_connector_lazy(connector))
    }

    fn incoming(&self) -> Incoming {
        let calls = self.0.clone();
        async_stream::stream! {
            let (accepted, mut connections) = mpsc::unbounded_channel();
            if calls.send(Call::Listen { accepted }).is_err() {
                yield Err(no_kernel());
            }
            while let Some(connection) = connections.recv().await {
                yield connection.map(|stream| PeerStream::new(stream, PeerProof::Unproved));
            }
        }
        .boxed()
    }
}

async fn connected(calls: &Calls, to: String) -> io::Result<DuplexStream> {
    let (answer, answered) = oneshot::channel();
    calls.send(Call::Connect { to, answer }).map_err(|_| no_kernel())?;
    answered.await.map_err(|_| no_kernel())?
}

fn no_kernel() -> io::Error {
    io::Error::other("the machine is gone")
}
