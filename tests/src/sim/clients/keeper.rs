//! Who makes endpoints and apps, sends to them and deletes them while messages to them wait.

use std::time::Duration;

use model::channel::Channel;
use model::endpoint::EndpointPatch;
use model::id::{AppId, EndpointId};
use model::reading::GivenAddress;

use super::client::Client;
use crate::sim::operations::{Asked, Recipient, Target};

/// How many messages it sends to each before the deletion, at most.
const MESSAGES_MAX: u64 = 4;
/// How long it waits then at most, in milliseconds.
const PAUSE_MAX_MS: u64 = 800;
/// Of how many things that it makes one is an app.
const APP_ONE_IN: u64 = 4;

impl Client {
    /// Makes and deletes until the run ends.
    pub(super) async fn keep(self) -> String {
        let app = self.app().await;
        while !self.cluster.is_closing() {
            self.rest().await;
            match self.random.below(APP_ONE_IN) {
                0 => drop(self.keep_app().await),
                _ => drop(self.keep_endpoint(app).await),
            }
        }
        // The cluster is healed: both must be possible again.
        while !self.keep_app().await || !self.keep_endpoint(app).await {
            self.rest().await;
        }
        self.close("keeper").await
    }

    /// Says whether everything about the endpoint was acknowledged.
    async fn keep_endpoint(&self, app: AppId) -> bool {
        let number = self.cluster.next_number("endpoints that are deleted");
        let (name, address) = (format!("kept-{number}"), format!("+1206556{number:04}"));
        let endpoint = EndpointId::from_stored(name.clone());
        let patch = EndpointPatch {
            channel: Some(Channel::Sms),
            address: Some(GivenAddress::unread(address.clone())),
            ..EndpointPatch::default()
        };
        let place = self.ask(Asked::Make(Target::Endpoint(endpoint.clone())));
        let made = self.service.upsert_endpoint(self.upsert(app, &name, patch)).await;
        if !self.note(place, made) {
            return false;
        }
        let to = Recipient { app, endpoint: Some(endpoint.clone()), address };
        self.use_it(&to).await;
        let place = self.ask(Asked::Delete(Target::Endpoint(endpoint.clone())));
        let answer = self.service.delete_endpoint(app, &endpoint).await;
        let deleted = self.note_deletion(place, answer);
        self.send_message(to, None).await;
        deleted
    }

    /// Says whether everything about the app was acknowledged.
    async fn keep_app(&self) -> bool {
        let number = self.cluster.next_number("apps that are deleted");
        let Ok(app) = self.create_app().await else { return false };
        let place = self.ask(Asked::Make(Target::App(app)));
        let opened = self.open_channel(app).await;
        if self.note(place, opened) {
            let to =
                |message| Recipient { app, endpoint: None, address: format!("+1206557{:04}", 10 * number + message) };
            for message in 0..=self.random.below(MESSAGES_MAX) {
                self.send_message(to(message), None).await;
            }
            self.pause().await;
        }
        let place = self.ask(Asked::Delete(Target::App(app)));
        let answer = self.service.delete_app(app).await;
        let deleted = self.note_deletion(place, answer);
        self.send_message(Recipient { app, endpoint: None, address: format!("+1206557{:04}", 10 * number) }, None)
            .await;
        deleted
    }

    async fn use_it(&self, to: &Recipient) {
        for _message in 0..=self.random.below(MESSAGES_MAX) {
            self.send_message(to.clone(), None).await;
        }
        self.pause().await;
    }

    async fn pause(&self) {
        tokio::time::sleep(Duration::from_millis(1 + self.random.below(PAUSE_MAX_MS))).await;
    }
}
