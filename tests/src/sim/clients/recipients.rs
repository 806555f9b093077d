//! Recipients opt out, in either of two ways, and change their minds.

use std::sync::atomic::Ordering;

use model::address::{Address, AddressKey};
use model::channel::Channel;
use model::endpoint::{EndpointOptOut, EndpointPatch};
use model::id::{AppId, EndpointId};
use model::opt_out::OptOutSource;
use model::reading::GivenAddress;
use service::ErrorCode;
use service::use_cases::OptOutKey;

use super::client::Client;
use super::sender::address;
use crate::sim::operations::{Asked, By};

/// How many of those who opted out last may change their minds.
const MINDS: u64 = 4;

impl Client {
    /// Opts the oldest of the present addresses out; says whether that was acknowledged.
    pub(super) async fn opt_out(&self, app: AppId) -> bool {
        let address = address(self.cluster.opted_out.fetch_add(1, Ordering::SeqCst));
        self.put_opt_out(app, address).await
    }

    /// Opts the oldest of the present addresses out through an endpoint, whose block must reach the address' partition.
    pub(super) async fn opt_out_by_endpoint(&self, app: AppId) {
        let address = address(self.cluster.opted_out.fetch_add(1, Ordering::SeqCst));
        let place = self.ask(Asked::OptOut { address: address.clone(), by: By::Endpoint });
        let patch = EndpointPatch {
            channel: Some(Channel::Sms),
            address: Some(GivenAddress::unread(address.clone())),
            opt_out: Some(EndpointOptOut::All),
            ..EndpointPatch::default()
        };
        let answer = self.service.upsert_endpoint(self.upsert(app, &endpoint_of(&address), patch)).await;
        self.note(place, answer);
    }

    /// Takes one of the last opt-outs back, as it was given or in the other way, or repeats it.
    pub(super) async fn change_a_mind(&self, app: AppId) {
        let next = self.cluster.opted_out.load(Ordering::SeqCst);
        let address = address(next.saturating_sub(1 + self.random.below(MINDS)));
        match self.random.below(4) {
            0 => drop(self.put_opt_out(app, address).await),
            1 => self.delete_endpoint_of(app, address).await,
            _ => self.delete_opt_out(app, address).await,
        }
    }

    async fn put_opt_out(&self, app: AppId, address: String) -> bool {
        let Some(key) = key_of(&address) else { return false };
        let place = self.ask(Asked::OptOut { address, by: By::Address });
        let which = OptOutKey { app, key, channel: Channel::Sms };
        let answer = self.service.put_opt_out(which, OptOutSource::Request).await;
        self.note(place, answer)
    }

    async fn delete_opt_out(&self, app: AppId, address: String) {
        let Some(key) = key_of(&address) else { return };
        let place = self.ask(Asked::OptIn { address, by: By::Address });
        let answer = match self.service.delete_opt_out(OptOutKey { app, key, channel: Channel::Sms }).await {
            // There is none: that is what was asked for.
            Err(error) if error.code == ErrorCode::NotFound => Ok(()),
            other => other,
        };
        self.note(place, answer);
    }

    /// An endpoint that is gone speaks for its address no more.
    async fn delete_endpoint_of(&self, app: AppId, address: String) {
        let endpoint = EndpointId::from_stored(endpoint_of(&address));
        let place = self.ask(Asked::OptIn { address, by: By::Endpoint });
        let answer = self.service.delete_endpoint(app, &endpoint).await;
        self.note_deletion(place, answer);
    }
}

fn endpoint_of(address: &str) -> String {
    format!("opted-out-{address}")
}

fn key_of(address: &str) -> Option<AddressKey> {
    Address::normal(Channel::Sms, address).ok().map(|(_, key)| key)
}
