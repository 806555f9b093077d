//! Accepting messages: who may get one, and which region sends it. The hottest path of the registry: what is the same
//! for all recipients is read once.

use std::collections::BTreeMap;
use std::rc::Rc;

use model::body::BodyContent;
use model::command::{AcceptMessages, Recipient};
use model::id::{Epoch, RegionId};
use model::message::{Body, Class, Message, Progress, Status};
use model::outcome::{Acceptance, Outcome, Refusal};
use model::plan::TrafficPlan;
use model::time::Timestamp;
use traffic::route::{Flow, route};

use super::{moves, pieces};
use crate::forbid::{self, Ban, Whom};
use crate::step::Step;
use crate::tables::{Bodies, Messages, RowAccess, TableError, Tables};

/// What holds for all messages of a command.
struct Terms {
    class: Class,
    expires: Timestamp,
    epoch: Epoch,
}

/// Accepts messages that share a body; answers each recipient. A message that exists already is accepted again without
/// effect. Refused as a whole when the app, the channel or the plan lets nobody send, and when pieces of the body are
/// missing.
pub(crate) fn accept<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    accept: &AcceptMessages,
) -> Result<Outcome, TableError> {
    let plan = step.plan()?;
    let class = match class_of(step, accept)? {
        Ok(class) => class,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    let (plan, regions) = match routed(step, accept, plan) {
        Ok(routed) => routed,
        Err(refusal) => return Ok(Outcome::Refused(refusal)),
    };
    if let BodyContent::Pieces(pieces) = &accept.content
        && !pieces::all_here(step, (accept.app, accept.body), pieces)?
    {
        return Ok(Outcome::Refused(Refusal::BodyIncomplete));
    }
    let expires = Timestamp(step.now.0.saturating_add(accept.time_to_live_ms));
    let terms = Terms { class, expires, epoch: plan.epoch };
    let mut references = 0;
    let mut acceptances = Vec::with_capacity(accept.recipients.len());
    for (recipient, region) in accept.recipients.iter().zip(regions) {
        let known = step.tables.row::<Messages>(&recipient.message)?.is_some();
        let whom = Whom {
            app: accept.app,
            key: &recipient.key,
            channel: accept.channel,
            endpoint: recipient.endpoint.as_ref(),
        };
        acceptances.push(if known {
            Acceptance::Accepted(recipient.message)
        } else if let Some(ban) = forbid::ban(step.tables, whom)? {
            refused(ban)
        } else {
            let message = message(accept, recipient, &terms, step.now);
            moves::begin(step, message, waiting(region, &terms, step.now))?;
            references += 1;
            Acceptance::Accepted(recipient.message)
        });
    }
    add_references(step, accept, references)?;
    Ok(Outcome::Accepted(acceptances))
}

fn refused(ban: Ban) -> Acceptance {
    match ban {
        Ban::OptedOut => Acceptance::OptedOut,
        Ban::Inactive => Acceptance::Inactive,
    }
}

/// Returns the class of the messages: the request's, else the channel's, else what follows from the purpose.
fn class_of<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    accept: &AcceptMessages,
) -> Result<Result<Class, Refusal>, TableError> {
    let Some(send_state) = step.live_send_state(accept.app)? else {
        return Ok(Err(Refusal::AppNotFound));
    };
    let Some(channel) = send_state.channels.get(&accept.channel) else {
        return Ok(Err(Refusal::ChannelNotFound));
    };
    if !channel.enabled {
        return Ok(Err(Refusal::ChannelDisabled));
    }
    let by_purpose = || Class::default_of(accept.content.purpose());
    Ok(Ok(accept.class.or(channel.class).unwrap_or_else(by_purpose)))
}

/// Names the region of each recipient under the adopted plan.
fn routed<T: Tables + ?Sized>(
    step: &Step<'_, T>,
    accept: &AcceptMessages,
    plan: Option<Rc<TrafficPlan>>,
) -> Result<(Rc<TrafficPlan>, Vec<RegionId>), Refusal> {
    let plan = plan.ok_or(Refusal::NoPlan)?;
    let mut regions = Vec::with_capacity(accept.recipients.len());
    for recipient in &accept.recipients {
        let its_group = recipient.key.partition(step.partitions);
        if its_group != step.group || recipient.message.group() != step.group {
            return Err(Refusal::WrongGroup);
        }
        let Recipient { address, key, .. } = recipient;
        let flow = Flow { app: accept.app, channel: accept.channel, address, key };
        regions.push(route(&plan, flow).ok_or(Refusal::NoRegion)?);
    }
    Ok((plan, regions))
}

fn message(accept: &AcceptMessages, recipient: &Recipient, terms: &Terms, now: Timestamp) -> Message {
    Message {
        id: recipient.message,
        app: accept.app,
        channel: accept.channel,
        address: recipient.address.clone(),
        key: recipient.key.clone(),
        endpoint: recipient.endpoint.clone(),
        body: accept.body,
        substitutions: recipient.substitutions.clone(),
        context: merged(&accept.context, &recipient.context),
        class: terms.class,
        accepted: now,
        expires: terms.expires,
    }
}

fn waiting(region: RegionId, terms: &Terms, now: Timestamp) -> Progress {
    Progress {
        status: Status::Waiting,
        region,
        epoch: terms.epoch,
        attempts: 0,
        due: now,
        claim: None,
        provider_id: None,
        detail: None,
        changed: now,
        events: Vec::new(),
    }
}

fn merged(shared: &BTreeMap<String, String>, own: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut context = shared.clone();
    context.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
    context
}

/// Counts new messages on their body; stores the body with the first of them.
fn add_references<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    accept: &AcceptMessages,
    references: u64,
) -> Result<(), TableError> {
    if references == 0 {
        return Ok(());
    }
    let key = (accept.app, accept.body);
    let mut body = match step.tables.row::<Bodies>(&key)? {
        Some(body) => body,
        None => {
            if let BodyContent::Pieces(_) = accept.content {
                pieces::close(step, key)?;
            }
            Body {
                content: accept.content.clone(),
                substitutions: accept.substitutions.clone(),
                trace: accept.trace.clone(),
                references: 0,
            }
        }
    };
    body.references += references;
    step.tables.store_row::<Bodies>(key, body);
    Ok(())
}
