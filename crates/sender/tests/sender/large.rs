//! Large contents: those in pieces arrive whole, and drivers never have more bytes at a time than they may.

use std::time::Duration;

use model::body::{BodyContent, Piece, Pieces, PutPiece};
use model::command::PIECE_BYTES_MAX;
use model::content::{Content, EMAIL_SIZE_MAX, Purpose};
use model::message::{Class, Status};
use model::{BodyId, Command, Outcome};
use wire::Stored as _;

use crate::provider::Provider;
use crate::world::{APP, World, pass};

const HOUR: Duration = Duration::from_secs(3_600);

/// The most bytes of contents that are with drivers before the last batch begins.
const CONTENT_BYTES_MAX: usize = 128 << 20;

fn mail(bytes: usize) -> Content {
    let data = (0..bytes).map(|place| (place / 251) as u8).collect();
    Content::RawEmail { data, from: None }
}

/// Puts a content in pieces, and returns what commands say of it then.
fn put(world: &World, body: BodyId, content: &Content) -> (BodyId, BodyContent) {
    let bytes = content.encoded();
    let count = bytes.chunks(PIECE_BYTES_MAX).len() as u32;
    for (number, piece) in (0..).zip(bytes.chunks(PIECE_BYTES_MAX)) {
        let put = PutPiece { app: APP, body, number, count, piece: Piece(piece.to_vec()) };
        assert_eq!(world.apply(Command::PutPiece(put)), Outcome::Done);
    }
    (body, BodyContent::Pieces(Pieces { count, bytes: bytes.len() as u64, purpose: Purpose::Transactional }))
}

#[tokio::test(start_paused = true)]
async fn a_content_in_pieces_arrives_whole() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let content = mail(3 << 20);
    let body = put(&world, BodyId(1), &content);
    let messages = world.accept_body(body, Class::AtLeastOnce, (0..2, HOUR));
    let _sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    let handed = provider.handed();
    assert_eq!(handed.len(), 2);
    assert!(handed.iter().all(|(_, delivery)| *delivery.content == content));
}

#[tokio::test(start_paused = true)]
async fn a_batch_has_few_large_contents() {
    let (world, provider) = (World::new().await, Provider::accepting());
    let body = (BodyId(1), BodyContent::Whole(mail(900_000)));
    let messages = world.accept_body(body, Class::AtLeastOnce, (0..100, HOUR));
    let _sender = world.start(&provider, 1);
    world.until_all(&messages, Status::Delivered).await;
    assert!(provider.batches().iter().all(|len| len * 900_000 <= EMAIL_SIZE_MAX), "{:?}", provider.batches());
    assert_eq!(provider.messages().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn drivers_have_so_many_bytes_at_a_time() {
    let (world, provider) = (World::new().await, Provider::accepting());
    provider.hang(true);
    let body = put(&world, BodyId(1), &mail(EMAIL_SIZE_MAX));
    let mut messages = world.accept_body(body.clone(), Class::AtLeastOnce, (0..20, HOUR));
    messages.extend(world.accept_body(body, Class::AtMostOnce, (20..40, HOUR)));
    let _sender = world.start(&provider, 1);
    pass(Duration::from_secs(5)).await;
    assert_eq!(provider.came(), CONTENT_BYTES_MAX.div_ceil(EMAIL_SIZE_MAX));
    provider.hang(false);
    world.until_all(&messages, Status::Delivered).await;
    assert_eq!(provider.messages().len(), 40);
}
