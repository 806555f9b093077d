//! Connections of the gRPC listener as tonic takes them.

use std::io;

use futures::stream::{Stream, unfold};
use tonic::transport::server::{Connected, TcpConnectInfo};

use crate::connections::{Connection, Connections};

/// Returns the connections, one after the other, for ever.
pub(super) fn incoming(connections: Connections) -> impl Stream<Item = io::Result<Connection>> {
    unfold(connections, |mut connections| async move {
        let connection = connections.next().await;
        Some((Ok(connection), connections))
    })
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.socket().connect_info()
    }
}
