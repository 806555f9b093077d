//! The nodes' network in the simulator: turmoil's sockets behind the seam of `replication`.

use std::io;

use futures::StreamExt as _;
use hyper_util::rt::TokioIo;
use model::cluster::NodeInfo;
use replication::peer_endpoint;
use replication::{Incoming, InvalidPeerAddress, PeerProof, PeerStream, PeerTransport};
use tonic::transport::Channel;
use turmoil::net::{TcpListener, TcpStream};

/// The port that every simulated node listens on.
pub const PORT: u16 = 7_000;

/// turmoil's network.
#[derive(Debug, Clone, Copy, Default)]
pub struct SimTransport;

impl PeerTransport for SimTransport {
    fn connect(&self, to: &NodeInfo) -> Result<Channel, InvalidPeerAddress> {
        let connector = tower::service_fn(|uri: http::Uri| async move {
            let authority = uri.authority().ok_or_else(|| io::Error::other("an address without a host"))?.to_string();
            Ok::<_, io::Error>(TokioIo::new(TcpStream::connect(authority).await?))
        });
        Ok(peer_endpoint(&to.peer)?.connect_with_connector_lazy(connector))
    }

    fn incoming(&self) -> Incoming {
        async_stream::stream! {
            let listener = match TcpListener::bind(("0.0.0.0", PORT)).await {
                Ok(listener) => listener,
                Err(error) => {
                    yield Err(error);
                    return;
                }
            };
            loop {
                yield listener.accept().await.map(|(stream, _)| PeerStream::new(stream, PeerProof::Unproved));
            }
        }
        .boxed()
    }
}
