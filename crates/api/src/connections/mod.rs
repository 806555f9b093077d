//! Connections of both listeners: accepted within limits, served as HTTP, closed when they are idle for too long or
//! another one needs their place. What comes out are requests; whose they are is not known here.
//!
//! What must always hold: at most [`ConnectionLimits::all`] connections of a listener are open, and a new one gets in
//! as long as one of them is idle or the reserve for health pages has room.

mod accept;
mod http;
mod places;
mod tls;

pub(crate) use accept::{Serving, serve};
pub(crate) use http::{Answers, Reserved};
pub use places::ConnectionLimits;
pub(crate) use tls::acceptor;
