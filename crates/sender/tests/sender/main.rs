//! The sender against a partition in memory: real registry, fake log, leases and provider, paused time.

#[cfg(test)]
mod basics;
#[cfg(test)]
mod claims;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod large;
#[cfg(test)]
mod late;
#[cfg(test)]
mod lost;
#[cfg(test)]
mod plan;
#[cfg(test)]
mod provider;
#[cfg(test)]
mod world;
