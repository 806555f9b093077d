//! Messages, from their acceptance to their end. Each is in one place at a time; [`moves`] is what takes it from one to
//! the next.

mod moves;

mod accept;
mod claim;
mod events;
mod expire;
mod held;
mod pieces;
mod retire;
mod settle;
mod takeover;
mod traces;

pub(crate) use accept::accept;
pub(crate) use claim::{begin_incarnation, claim, release};
pub(crate) use events::record_events;
pub(crate) use expire::expire;
pub(crate) use held::{forbid_held, resolve};
pub(crate) use pieces::{put as put_piece, remove_open, retire_open};
pub(crate) use retire::retire_settled;
pub(crate) use settle::settle;
pub(crate) use takeover::{TakeoverChunk, take_over};
pub(crate) use traces::retire_traces;

pub use retire::SETTLED_KEPT;
pub use traces::TRACES_KEPT;
