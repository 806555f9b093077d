//! Bodies in pieces: what comes before the messages, what refuses them, and when it all goes.

use model::body::{BodyContent, OPEN_BODY_KEPT, PIECES_MAX, Piece, Pieces, PutPiece};
use model::channel::Channel;
use model::command::{AcceptMessages, Command, PIECE_BYTES_MAX, Proposal};
use model::content::Purpose;
use model::id::{BodyId, RequestId};
use model::message::Class;
use model::opt_out::OptOutSource;
use model::outcome::{Acceptance, Outcome, Refusal};

use super::world::*;
use crate::tables::{self, Bodies, MemoryTables, OpenBodies, RowAccess};

const BODY: BodyId = BodyId(7);
/// Three pieces of one, two and three bytes.
const PIECES: Pieces = Pieces { count: 3, bytes: 6, purpose: Purpose::Promotional };

fn piece(number: u32) -> PutPiece {
    let data = vec![number as u8; number as usize + 1];
    PutPiece { app: APP, body: BODY, number, count: PIECES.count, piece: Piece(data) }
}

fn put(world: &mut World, put: PutPiece) -> Outcome {
    world.apply(group_of(&near()), Command::PutPiece(put))
}

fn put_all(world: &mut World) {
    for number in [2, 0, 1] {
        assert_eq!(put(world, piece(number)), Outcome::Done);
    }
}

fn message(pieces: Pieces) -> Command {
    let content = BodyContent::Pieces(pieces);
    Command::AcceptMessages(Box::new(AcceptMessages { body: BODY, content, ..accept(&[(1, near(), None)]) }))
}

fn accepted(world: &mut World) -> Outcome {
    world.apply(group_of(&near()), message(PIECES))
}

fn is_accepted() -> Outcome {
    Outcome::Accepted(vec![Acceptance::Accepted(id(1, &near()))])
}

fn tables(world: &World) -> &MemoryTables {
    world.tables(group_of(&near()))
}

fn pieces_kept(world: &World) -> usize {
    tables(world).rows_while::<tables::Pieces>(&(APP, BodyId(0), 0), 100, |_| true).unwrap().len()
}

#[test]
fn messages_are_accepted_with_a_body_when_its_pieces_are_there() {
    let mut world = World::new();
    put_all(&mut world);
    assert_eq!(accepted(&mut world), is_accepted());
    let body = tables(&world).row::<Bodies>(&(APP, BODY)).unwrap().unwrap();
    assert_eq!((body.content, body.references), (BodyContent::Pieces(PIECES), 1));
    assert_eq!(tables(&world).row::<OpenBodies>(&(APP, BODY)).unwrap(), None);
    assert_eq!(tables(&world).row::<tables::Pieces>(&(APP, BODY, 2)).unwrap(), Some(piece(2).piece));
    // The class follows from the purpose, as of a content that is whole.
    let message = tables(&world).row::<tables::Messages>(&id(1, &near())).unwrap().unwrap();
    assert_eq!(message.class, Class::default_of(PIECES.purpose));
}

#[test]
fn nothing_is_accepted_while_a_piece_is_missing() {
    let mut world = World::new();
    let request = Some(RequestId(1));
    for number in 0..PIECES.count {
        let before = world.timeless(group_of(&near()));
        let asked = world.propose(group_of(&near()), Proposal { request, command: message(PIECES) });
        assert_eq!(asked, refused(Refusal::BodyIncomplete));
        assert_eq!(world.timeless(group_of(&near())), before);
        put(&mut world, piece(number));
    }
    for other in [Pieces { count: 2, ..PIECES }, Pieces { bytes: 5, ..PIECES }] {
        assert_eq!(world.apply(group_of(&near()), message(other)), refused(Refusal::BodyIncomplete));
    }
    // That it was refused is no answer: the same request is accepted now.
    assert_eq!(world.propose(group_of(&near()), Proposal { request, command: message(PIECES) }), is_accepted());
    assert_eq!(
        world.apply(group_of(&near()), message(Pieces { bytes: 5, ..PIECES })),
        refused(Refusal::BodyIncomplete)
    );
}

#[test]
fn a_repeated_piece_changes_nothing() {
    let mut world = World::new();
    put_all(&mut world);
    let open = tables(&world).clone();
    world.now += 1;
    put_all(&mut world);
    assert_eq!(world.timeless(group_of(&near())), {
        let mut world = world.clone();
        world.groups[usize::from(group_of(&near()).0)] = open;
        world.timeless(group_of(&near()))
    });
    accepted(&mut world);
    put_all(&mut world);
    assert_eq!(tables(&world).row::<OpenBodies>(&(APP, BODY)).unwrap(), None);
    assert_eq!(pieces_kept(&world), 3);
}

#[test]
fn pieces_that_cannot_be_are_refused() {
    let mut world = World::new();
    let refuses = |world: &mut World, bad: PutPiece| {
        let before = world.timeless(group_of(&near()));
        let outcome = put(world, bad);
        assert!(matches!(outcome, Outcome::Refused(Refusal::PieceInvalid(_))), "{outcome:?}");
        assert_eq!(world.timeless(group_of(&near())), before);
    };
    refuses(&mut world, PutPiece { number: 3, ..piece(0) });
    refuses(&mut world, PutPiece { count: 0, ..piece(0) });
    refuses(&mut world, PutPiece { count: PIECES_MAX + 1, ..piece(0) });
    refuses(&mut world, PutPiece { piece: Piece(Vec::new()), ..piece(0) });
    refuses(&mut world, PutPiece { piece: Piece(vec![0; PIECE_BYTES_MAX + 1]), ..piece(0) });
    put_all(&mut world);
    refuses(&mut world, PutPiece { count: 4, ..piece(0) });
    refuses(&mut world, PutPiece { piece: Piece(vec![0; 9]), ..piece(0) });
    accepted(&mut world);
    refuses(&mut world, PutPiece { count: 4, ..piece(0) });
    world.accept(2, &near(), None);
    refuses(&mut world, PutPiece { body: BodyId(2), ..piece(0) });
    let largest = PutPiece { body: BodyId(9), piece: Piece(vec![0; PIECE_BYTES_MAX]), ..piece(0) };
    assert_eq!(put(&mut world, PutPiece { count: PIECES_MAX, number: PIECES_MAX - 1, ..largest }), Outcome::Done);
}

#[test]
fn pieces_go_with_the_last_message_of_their_body() {
    let mut world = World::new();
    put_all(&mut world);
    accepted(&mut world);
    world.now += OPEN_BODY_KEPT.as_millis() as u64;
    world.apply(group_of(&near()), Command::Retire { limit: 10 });
    assert_eq!(pieces_kept(&world), 3);
    world.settle(id(1, &near()), ("a", 1), delivered());
    world.now += 3 * DAY;
    world.apply(group_of(&near()), Command::Retire { limit: 10 });
    assert_eq!(pieces_kept(&world), 0);
}

#[test]
fn pieces_that_nobody_accepts_go_by_their_age() {
    let mut world = World::new();
    let source = OptOutSource::Request;
    world.apply(group_of(&near()), Command::PutOptOut { app: APP, key: key(&near()), channel: Channel::Sms, source });
    put_all(&mut world);
    assert_eq!(accepted(&mut world), Outcome::Accepted(vec![Acceptance::OptedOut]));
    world.now += OPEN_BODY_KEPT.as_millis() as u64 - 1;
    world.apply(group_of(&near()), Command::Retire { limit: 10 });
    assert_eq!(pieces_kept(&world), 3);
    world.now += 1;
    let retired = world.apply(group_of(&near()), Command::Retire { limit: 10 });
    assert_eq!(retired, Outcome::Chunk { touched: 1, next: None, more: false });
    assert_eq!(pieces_kept(&world), 0);
    assert_eq!(accepted(&mut world), refused(Refusal::BodyIncomplete));
}

#[test]
fn pieces_go_with_their_app() {
    let mut world = World::new();
    put_all(&mut world);
    world.control(Command::DeleteApp { app: APP });
    world.carry();
    assert_eq!(put(&mut world, PutPiece { body: BodyId(8), ..piece(0) }), refused(Refusal::AppNotFound));
    world.apply(group_of(&near()), Command::Retire { limit: 10 });
    assert_eq!(pieces_kept(&world), 0);
}
