//! What comes with leading a group and goes with it: duties, takeovers, and handing leadership on.

pub(crate) mod balance;
pub(crate) mod candidacy;
pub(crate) mod duties;
pub(crate) mod leave;
pub(crate) mod rules;
pub(crate) mod takeover;
pub(crate) mod transfer;
