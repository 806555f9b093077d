//! Sending one message.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::channel::Channel;
use model::content::{Content, Purpose, SmsRegistration, Substitutions};
use model::id::RequestId;
use model::message::Class;
use service::ports::{PreparedContent, Random as _};
use service::use_cases::{SendOutcome, SendRequest, SendTarget, To};

use super::client::{Client, unanswered};
use crate::sim::faults::Tick;
use crate::sim::history::now;
use crate::sim::operations::{Answered, Asked, Recipient};

/// How often a message is sent again with the same request id, when it isn't known whether it was accepted.
const SENDS_MAX: usize = 3;

impl Client {
    /// Sends a message that is worth sending for so long, or for longer than any run.
    pub(super) async fn send_message(&self, to: Recipient, life: Option<Duration>) {
        let class = [Some(Class::AtLeastOnce), Some(Class::AtMostOnce), None][self.random.below(3) as usize];
        let request = self.request(&to, class, life);
        let ready = self.readiness.ready().is_ok();
        let until = life.map(|life| now() + Tick::try_from(life.as_millis()).unwrap_or(Tick::MAX));
        let place = self.ask(Asked::Send { to, ready, until });
        let mut answer = self.send_once(&request).await;
        for _again in 1..SENDS_MAX {
            if !matches!(answer, Answered::Unknown(_)) {
                break;
            }
            // The request id makes the repetition harmless; an answer that says "refused" is then only about this try.
            answer = match self.send_once(&request).await {
                Answered::Refused(why) => Answered::Unknown(why),
                other => other,
            };
        }
        self.cluster.history.answer(place, answer);
    }

    fn request(&self, to: &Recipient, class: Option<Class>, time_to_live: Option<Duration>) -> SendRequest {
        let target = match &to.endpoint {
            Some(endpoint) => To::Endpoint(endpoint.clone()),
            None => To::Address { channel: Channel::Sms, address: to.address.clone() },
        };
        SendRequest {
            app: to.app,
            targets: vec![SendTarget {
                to: target,
                content: None,
                substitutions: BTreeMap::new(),
                context: BTreeMap::new(),
            }],
            contents: BTreeMap::from([(Channel::Sms, Arc::new(AsItIs(content())) as _)]),
            substitutions: BTreeMap::new(),
            trace: None,
            context: BTreeMap::new(),
            class,
            time_to_live,
            request: Some(RequestId(self.random.next_u128())),
        }
    }

    async fn send_once(&self, request: &SendRequest) -> Answered {
        match self.service.send_messages(request.clone()).await {
            Ok(answers) => match answers.into_iter().next().map(|answer| answer.outcome) {
                Some(SendOutcome::Accepted(message)) => Answered::Accepted(message),
                Some(SendOutcome::Unknown(why)) => Answered::Unknown(why),
                Some(SendOutcome::OptedOut) => Answered::OptedOut,
                Some(other) => Answered::Refused(other.to_string()),
                None => Answered::Unknown("no answer".to_owned()),
            },
            Err(error) => unanswered(error),
        }
    }
}

/// A content that nobody rendered.
#[derive(Debug)]
struct AsItIs(Content);

impl PreparedContent for AsItIs {
    fn content(&self) -> &Content {
        &self.0
    }

    fn check(&self, _recipient: &Substitutions, _message: &Substitutions) -> Result<(), String> {
        Ok(())
    }
}

fn content() -> Content {
    Content::Sms {
        text: "hello".to_owned(),
        purpose: Purpose::Transactional,
        origination_number: None,
        sender_id: None,
        registration: SmsRegistration::default(),
    }
}
