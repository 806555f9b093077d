//! etcd: three members on this machine, puts over gRPC. Every put is synced by a majority before it is answered, as
//! here.

use crate::measure::{Caller, Done};
use bytes::{Buf, BufMut, Bytes};
use tonic::Status;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};

use super::children::{Children, find, listening};
use super::peer::{self, Peer};
use super::run::{Run, WRITE_BYTES};
use super::table::Table;

/// Different keys: as many as the product's endpoints.
const KEYS: u64 = 100_000;

/// Measures etcd, or says why not.
pub async fn measure(run: &Run, table: &mut Table) -> anyhow::Result<()> {
    let command = "apt-get install etcd-server; bench/run --only peers";
    let Some(program) = find("etcd") else {
        table.add("etcd", "", "skipped: the program isn't here".to_owned(), command);
        return Ok(());
    };
    let client_port = |member: u16| run.base_port + 400 + member;
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    let peer_url = |member: u16| url(run.base_port + 410 + member);
    let cluster: Vec<String> = (0..3).map(|member| format!("m{member}={}", peer_url(member))).collect();
    let mut children = Children::default();
    for member in 0..3 {
        let arguments = [
            ("--name", format!("m{member}")),
            ("--data-dir", run.folder.join(format!("etcd-{member}")).display().to_string()),
            ("--listen-client-urls", url(client_port(member))),
            ("--advertise-client-urls", url(client_port(member))),
            ("--listen-peer-urls", peer_url(member)),
            ("--initial-advertise-peer-urls", peer_url(member)),
            ("--initial-cluster", cluster.join(",")),
            ("--quota-backend-bytes", (8_u64 << 30).to_string()),
        ];
        let arguments: Vec<String> = arguments.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect();
        children.start(&program, &arguments, &run.folder.join(format!("etcd-{member}.log")))?;
    }
    for member in 0..3 {
        listening(client_port(member)).await?;
    }
    let what = format!("puts of {WRITE_BYTES} bytes, synced by a majority before the answer");
    for clients in [64, 256] {
        let caller = |client: u16| -> anyhow::Result<EtcdClient> {
            let channel = Endpoint::from_shared(url(client_port(client % 3)))?.connect_lazy();
            Ok(EtcdClient { grpc: Grpc::new(channel) })
        };
        let channels = (0..clients).map(caller).collect::<anyhow::Result<Vec<_>>>()?;
        let etcd = Peer { who: "etcd", what: &what, command, pids: &children.pids(), length: run.length };
        peer::measure(etcd, || channels.clone(), table).await?;
    }
    children.stop().await
}

/// One client with a connection of its own.
#[derive(Clone)]
struct EtcdClient {
    grpc: Grpc<Channel>,
}

impl Caller for EtcdClient {
    async fn call(&mut self, number: u64) -> Result<Done, String> {
        self.grpc.ready().await.map_err(|error| error.to_string())?;
        let path = http::uri::PathAndQuery::from_static("/etcdserverpb.KV/Put");
        let put = put_request(number % KEYS);
        self.grpc.unary(tonic::Request::new(put), path, BytesCodec).await.map_err(|status| status.to_string())?;
        Ok(Done { units: 1, refused: 0 })
    }
}

/// Writes etcd's `PutRequest`: field 1 is the key, field 2 the value, each preceded by its tag and its length.
fn put_request(number: u64) -> Bytes {
    let key = format!("bench-{number:08}");
    let value_len = WRITE_BYTES - key.len();
    let mut request = vec![0x0a, key.len() as u8];
    request.extend_from_slice(key.as_bytes());
    request.push(0x12);
    request.extend([(value_len & 0x7f | 0x80) as u8, (value_len >> 7) as u8]);
    request.resize(request.len() + value_len, b'x');
    Bytes::from(request)
}

/// Passes messages as the bytes that they are.
#[derive(Clone, Copy)]
struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = ();
    type Encoder = BytesCodec;
    type Decoder = BytesCodec;

    fn encoder(&mut self) -> BytesCodec {
        BytesCodec
    }

    fn decoder(&mut self) -> BytesCodec {
        BytesCodec
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for BytesCodec {
    type Item = ();
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<()>, Status> {
        buffer.advance(buffer.remaining());
        Ok(Some(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_has_its_key_and_value_at_their_lengths() {
        let request = put_request(7);
        assert_eq!(request[..2], [0x0a, 14]);
        assert_eq!(&request[2..16], b"bench-00000007");
        let value_len = usize::from(request[17] & 0x7f) | usize::from(request[18]) << 7;
        assert_eq!((request[16], value_len, request.len() - 19), (0x12, WRITE_BYTES - 14, WRITE_BYTES - 14));
    }
}
