//! The stand-in for every provider: takes deliveries for any channel, keeps what it got, reports delivery events back,
//! injects inbound SMS, and can be told to fail, delay, throttle, hang, and lose or repeat events.
//!
//! It runs embedded in `signalbox dev` or alone (`signalbox-sandbox`). It names no other crate of the workspace: what
//! it shares with the sender is the HTTP contract alone, so it can judge the sender from outside.
//!
//! Rooms, in reading order: `config` and `server` (how it starts and stops), `delivery`, `message` and `deliver` (what
//! comes in), `faults` (what goes wrong on purpose), `retention` and `store` (what is kept), `event`, `batcher`,
//! `emitter`, `callback` and `signature` (what goes back), `inbound`, `outbox`, `records`, `control` and `page` (what can be seen
//! and told).

mod config;
mod server;
mod state;

mod deliver;
mod delivery;
mod message;

mod faults;
mod random;

mod retention;
mod stats;
mod store;

mod backoff;
mod batcher;
mod callback;
mod emitter;
mod event;
mod poster;
mod signature;

mod body;
mod control;
mod inbound;
mod json_lines;
mod outbox;
mod page;
mod parse;
mod problem;
mod records;

mod clock;

pub use callback::CallbackUrlError;
pub use clock::{Clock, SystemClock};
pub use config::{ConfigError, DEVELOPMENT_SECRET, SandboxConfig};
pub use server::{Sandbox, SandboxError, bind, bind_with_clock};
pub use signature::InvalidSecret;
