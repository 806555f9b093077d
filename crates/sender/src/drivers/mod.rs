//! The drivers: each owns the protocol of one kind of provider.

mod http;

pub mod sandbox;
pub mod webhook;

pub use http::HttpError;

pub(crate) use http::client;
