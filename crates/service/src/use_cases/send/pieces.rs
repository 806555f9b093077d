//! Contents that are larger than a command may be: cut once for a request, and put into each partition that needs them
//! before messages are accepted there. Until then nothing is accepted, so that whatever goes wrong may be repeated.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use model::body::{BodyContent, Piece, Pieces, PutPiece};
use model::channel::Channel;
use model::command::{Command, PIECE_BYTES_MAX, Proposal};
use model::content::Content;
use model::id::{AppId, BodyId, GroupId};
use model::time::BootTime;
use wire::Stored as _;

use super::batches::BodyKey;
use super::request::SendRequest;
use crate::error::{ErrorCode, ServiceError};
use crate::use_cases::{REQUEST_DEADLINE, Service, only};

/// How long the pieces of a request may take, in all partitions together: 10 MiB to several partitions over lines
/// between regions, and a failover meanwhile. With [`REQUEST_DEADLINE`] for the acceptance it is below the 30 s that
/// listeners give a request.
const PIECES_DEADLINE: Duration = Duration::from_secs(15);
/// How many pieces of a body are on their way to a partition at a time.
const PIECES_UNDER_WAY_MAX: usize = 4;
/// To how many partitions a request puts pieces at a time.
pub(super) const BODIES_UNDER_WAY_MAX: usize = 2;

/// The contents of a request that go in pieces, encoded, by the channel and the recipient whose own they are.
pub(super) struct Cut {
    encoded: BTreeMap<(Channel, Option<usize>), Encoded>,
    /// When the pieces must be there.
    until: BootTime,
}

struct Encoded {
    bytes: Vec<u8>,
    pieces: Pieces,
}

impl Cut {
    /// Encodes the contents of those bodies of a request that go in pieces; each once, however many partitions need it.
    pub(super) fn of<'k>(request: &SendRequest, keys: impl Iterator<Item = &'k BodyKey>, now: BootTime) -> Cut {
        let mut encoded = BTreeMap::new();
        for key in keys.filter(|key| key.in_pieces) {
            if let Some(content) = request.content_of(key.channel, key.own) {
                encoded.entry((key.channel, key.own)).or_insert_with(|| Encoded::of(content.content()));
            }
        }
        Cut { encoded, until: now + PIECES_DEADLINE }
    }
}

impl Encoded {
    fn of(content: &Content) -> Encoded {
        let bytes = content.encoded();
        let count = u32::try_from(bytes.chunks(PIECE_BYTES_MAX).len()).unwrap_or(u32::MAX);
        let pieces = Pieces { count, bytes: bytes.len() as u64, purpose: content.purpose() };
        Encoded { bytes, pieces }
    }
}

impl Service {
    /// Puts the pieces of a body into its partition. Returns what the commands say of it then.
    pub(super) async fn put_pieces(
        &self,
        app: AppId,
        (key, body): (BodyKey, BodyId),
        cut: &Cut,
    ) -> Result<BodyContent, ServiceError> {
        let missing = || ServiceError::new(ErrorCode::Internal, "a body in pieces without content");
        let Encoded { bytes, pieces } = cut.encoded.get(&(key.channel, key.own)).ok_or_else(missing)?;
        let put = |(number, piece): (u32, &[u8])| {
            let piece = Piece(piece.to_vec());
            self.put_piece(key.group, PutPiece { app, body, number, count: pieces.count, piece }, cut.until)
        };
        stream::iter((0..).zip(bytes.chunks(PIECE_BYTES_MAX)))
            .map(put)
            .buffer_unordered(PIECES_UNDER_WAY_MAX)
            .try_collect::<()>()
            .await?;
        Ok(BodyContent::Pieces(*pieces))
    }

    async fn put_piece(&self, group: GroupId, put: PutPiece, until: BootTime) -> Result<(), ServiceError> {
        let left = until.since(self.clock.boot_time()).min(REQUEST_DEADLINE);
        if left.is_zero() {
            return Err(not_in_time());
        }
        let proposal = vec![Proposal { request: None, command: Command::PutPiece(put) }];
        match self.log.propose(group, proposal, left).await.map_err(ServiceError::from).and_then(only) {
            Ok(_done) => Ok(()),
            // Whether the piece is there or not: no message was accepted.
            Err(error) if error.code == ErrorCode::Unknown => Err(not_in_time()),
            Err(error) => Err(error),
        }
    }
}

fn not_in_time() -> ServiceError {
    let text = "the content could not be stored in time, nothing was accepted; send the request again";
    ServiceError::new(ErrorCode::Unavailable, text)
}
