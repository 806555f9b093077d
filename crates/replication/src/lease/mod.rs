//! The send lease, wired to clock and network: what `traffic::lease` decides, kept for each group behind one lock; the
//! rounds that ask for it, the permits it gives, and the fences that wait for it (docs/lease.md).

pub(crate) mod broken;
pub(crate) mod contact;
pub(crate) mod critical_section;
pub(crate) mod exchange_port;
pub(crate) mod fence;
pub(crate) mod group_lease;
pub(crate) mod last_seen;
pub(crate) mod permits;
pub(crate) mod pushes;
pub(crate) mod round_trips;
pub(crate) mod rounds;
pub(crate) mod seconds;
pub(crate) mod starved;
pub(crate) mod tenure;
