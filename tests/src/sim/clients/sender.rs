//! Who sends messages, opts recipients out and in, and changes the plan.

use std::sync::atomic::Ordering;
use std::time::Duration;

use model::id::AppId;

use super::client::Client;
use crate::sim::operations::Recipient;
use crate::sim::settings::Scene;

/// Among how many addresses messages are sent at a time.
const ADDRESSES: u64 = 6;
/// How long messages that are to expire soon are worth sending.
const SHORT_LIFE: Duration = Duration::from_secs(3);
/// The same where nothing is to expire: more than messages may wait for a line that is cut.
const CALM_SHORT_LIFE: Duration = Duration::from_secs(7);

impl Client {
    /// Sends until the run ends.
    pub(super) async fn send(self, number: u64) -> String {
        let app = self.app().await;
        while !self.cluster.is_closing() {
            self.rest().await;
            match self.random.below(20) {
                0..13 => self.send_to_somebody(app).await,
                13..16 => drop(self.opt_out(app).await),
                16 => self.opt_out_by_endpoint(app).await,
                19 if self.cluster.settings.scene == Scene::Crossed => self.restore().await,
                _ if self.cluster.settings.is_calm() => self.send_to_somebody(app).await,
                17 => self.change_a_mind(app).await,
                18 => self.evacuate().await,
                _ => self.restore().await,
            }
        }
        // The cluster is healed: it must fence again, and take its regions back when told.
        while !self.opt_out(app).await {
            self.rest().await;
        }
        while !self.all_serve().await {
            self.restore().await;
            self.rest().await;
        }
        self.send_to_somebody(app).await;
        self.close(&format!("sender {number}")).await
    }

    /// Sends to one of the present addresses, most often to the one that is opted out next, seldom to one that was
    /// opted out.
    async fn send_to_somebody(&self, app: AppId) {
        let next = self.cluster.opted_out.load(Ordering::SeqCst);
        let address = address(match self.random.below(8) {
            0 => next.saturating_sub(1 + self.random.below(3)),
            1..5 => next,
            _ => next + self.random.below(ADDRESSES),
        });
        let short = self.random.below(15) == 0;
        let life = short.then_some(if self.cluster.settings.is_calm() { CALM_SHORT_LIFE } else { SHORT_LIFE });
        self.send_message(Recipient { app, endpoint: None, address }, life).await;
    }
}

/// Returns the address of a number, among those that are opted out one after the other.
pub(super) fn address(number: u64) -> String {
    format!("+1206555{number:04}")
}
