//! Which driver sends which channel, and what it says of an address.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Address, Channel};
use service::ports::Destinations;

use crate::driver::Driver;

/// The driver of each channel. Messages of a channel without one wait until they expire.
#[derive(Clone, Default)]
pub struct Routes(BTreeMap<Channel, Arc<dyn Driver>>);

/// Why drivers and channels don't fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the names of its members say it")]
pub enum RoutesError {
    /// No driver has the name.
    #[error("route {channel} to {driver:?}: there is no such driver, known are {known}")]
    UnknownDriver {
        channel: Channel,
        /// The name.
        driver: String,
        /// The names that there are.
        known: String,
    },
    /// The driver can't send the channel.
    #[error("route {channel} to {driver:?}: the driver doesn't send this channel")]
    NotOffered {
        channel: Channel,
        /// The driver's name.
        driver: String,
    },
}

impl Routes {
    /// Routes channels to drivers by name.
    ///
    /// # Errors
    /// When a name is unknown or its driver doesn't send the channel.
    pub fn new(drivers: &[Arc<dyn Driver>], by_name: &BTreeMap<Channel, String>) -> Result<Routes, RoutesError> {
        let mut routes = BTreeMap::new();
        for (channel, name) in by_name {
            let driver = drivers.iter().find(|driver| driver.name() == name).ok_or_else(|| {
                let known = drivers.iter().map(|driver| driver.name()).collect::<Vec<_>>().join(", ");
                RoutesError::UnknownDriver { channel: *channel, driver: name.clone(), known }
            })?;
            if !driver.channels().contains(channel) {
                return Err(RoutesError::NotOffered { channel: *channel, driver: name.clone() });
            }
            routes.insert(*channel, Arc::clone(driver));
        }
        Ok(Routes(routes))
    }

    /// Returns the driver of a channel.
    pub fn driver(&self, channel: Channel) -> Option<&Arc<dyn Driver>> {
        self.0.get(&channel)
    }
}

impl Destinations for Routes {
    /// A channel without a driver here may have one in the region that sends.
    fn check(&self, channel: Channel, address: &Address) -> Result<(), String> {
        let Some(driver) = self.driver(channel) else { return Ok(()) };
        driver.check_address(channel, address).map_err(str::to_owned)
    }
}
