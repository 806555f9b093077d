//! Floor 4: the listeners. [`rest`] speaks Amazon Pinpoint's REST API, [`grpc`] Signalbox's own; both find out who
//! calls, parse once, and call the use cases of `service`. Nothing calls this crate but `node`.

pub mod grpc;
pub mod rest;

mod connections;
mod denials;
mod keys;
mod limits;
mod prepared;
mod quotas;
mod requests;

pub use connections::ConnectionLimits;
pub use keys::{Caller, DuplicateKey, Key, KeyStore};
pub use quotas::{QuotaLimits, Quotas, Rate};
