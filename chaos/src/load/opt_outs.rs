//! Recipients who opt out while messages to them are on their way.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::{Numbers, TIME_TO_LIVE_MS};
use crate::caller::Caller;
use crate::history::Class;
use crate::until::Until;

/// How often a recipient opts out, how long before that messages to it begin, and how many come before and after.
const OPT_OUT_EVERY: Duration = Duration::from_secs(1);
const OPT_OUT_AFTER: Duration = Duration::from_millis(400);
const SENDS_AROUND: usize = 4;
/// How long after its creation an endpoint is sent to: every listener looks for it in its own replica, and none that
/// nothing is wrong with is that far behind.
const ENDPOINT_SEEN_AFTER: Duration = Duration::from_secs(1);

/// Opts recipients out, one after the other, at one listener while others take messages to them: by turns an address,
/// and an endpoint that is made for it.
pub(super) async fn opt_out(callers: Vec<Caller>, numbers: Arc<Numbers>, mut random: Rng, until: Until) {
    let mut calls = JoinSet::new();
    let mut ticks = interval(OPT_OUT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut is_endpoint = false;
    while !until.is_over() {
        ticks.tick().await;
        while calls.try_join_next().is_some() {}
        let recipient = Recipient { address: numbers.next().1, is_endpoint };
        is_endpoint = !is_endpoint;
        calls.spawn(opt_one_out(callers.clone(), recipient, random.fork()));
    }
    while calls.join_next().await.is_some() {}
}

/// Who is about to opt out.
#[derive(Clone)]
struct Recipient {
    address: String,
    /// Whether an endpoint is sent to, and opts out by REST.
    is_endpoint: bool,
}

impl Recipient {
    /// Returns the name of its endpoint.
    fn endpoint(&self) -> String {
        format!("recipient-{}", self.address.trim_start_matches('+'))
    }

    async fn send(self, caller: Caller) {
        if self.is_endpoint {
            caller.send_to_endpoint(&self.endpoint(), self.address).await;
        } else {
            caller.send(self.address, Class::AtLeastOnce, TIME_TO_LIVE_MS).await;
        }
    }

    async fn opt_out(self, caller: Caller) {
        if self.is_endpoint {
            caller.opt_endpoint_out(&self.endpoint(), self.address).await;
        } else {
            caller.opt_out(self.address).await;
        }
    }
}

async fn opt_one_out(callers: Vec<Caller>, recipient: Recipient, mut random: Rng) {
    let mut any = || callers[random.usize(..callers.len())].clone();
    if recipient.is_endpoint {
        // Without an endpoint there is nobody to opt out.
        if !any().make_endpoint(&recipient.endpoint(), &recipient.address).await {
            return;
        }
        sleep(ENDPOINT_SEEN_AFTER).await;
    }
    let mut calls = JoinSet::new();
    for number in 0..2 * SENDS_AROUND {
        let (caller, recipient) = (any(), recipient.clone());
        let wait = OPT_OUT_AFTER * u32::try_from(number).unwrap_or(0) / SENDS_AROUND as u32;
        calls.spawn(async move {
            sleep(wait).await;
            recipient.send(caller).await;
        });
    }
    let caller = any();
    calls.spawn(async move {
        sleep(OPT_OUT_AFTER).await;
        recipient.opt_out(caller).await;
    });
    while calls.join_next().await.is_some() {}
}
