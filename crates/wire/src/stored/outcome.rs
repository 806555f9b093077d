//! What applying a command answered, and why it was refused.

use model::command::OutboxCursor;
use model::opt_out::{ListedOptOut, OptOut};
use model::outcome::Acceptance;
use model::{App, ChannelSettings, Endpoint, Epoch, GroupId, Incarnation, MessageId, Outcome, Refusal, TrafficPlan};

use super::content::lists;
use super::{Form, Writer};
use crate::error::{Flaw, InvalidField};
use crate::read::{Within as _, group, list, required};
use crate::state;

impl Form for Outcome {
    type Generated = state::Outcome;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Outcome::Refused(refusal) => writer.message(1, refusal),
            Outcome::Done => writer.nothing(2),
            Outcome::App(app) => writer.message(3, app),
            Outcome::Channel(settings) => writer.message(4, settings),
            Outcome::Plan(plan) => writer.message(5, plan.as_ref()),
            Outcome::Endpoint { endpoint, created, follow_ups } => writer.nested(6, |outcome| {
                outcome.message(1, endpoint.as_ref());
                outcome.flag(2, *created);
                write_follow_ups(outcome, 3, follow_ups);
            }),
            Outcome::EndpointDeleted { endpoint, user_attributes, follow_ups } => writer.nested(12, |outcome| {
                outcome.message(1, endpoint.as_ref());
                outcome.lists(2, user_attributes);
                write_follow_ups(outcome, 3, follow_ups);
            }),
            Outcome::Carried { outcome, follow_ups } => writer.nested(7, |carried| {
                carried.message(1, outcome.as_ref());
                write_follow_ups(carried, 2, follow_ups);
            }),
            Outcome::Accepted(recipients) => writer.nested(8, |accepted| accepted.messages(1, recipients)),
            Outcome::Claimed(messages) => {
                writer.nested(9, |claimed| claimed.ids(1, messages.iter().map(|message| message.0)));
            }
            Outcome::Chunk { touched, next, more } => writer.nested(10, |chunk| {
                chunk.uint(1, u64::from(*touched));
                chunk.message_if_given(2, next.as_ref());
                chunk.flag(3, *more);
            }),
            Outcome::OptOut(opt_out) => writer.message(13, opt_out),
            Outcome::ListedOptOut(listed) => writer.message(14, listed),
            Outcome::Recorded { changed } => writer.uint_given(11, u64::from(*changed)),
        }
    }

    fn read(outcome: state::Outcome) -> Result<Outcome, InvalidField> {
        use state::outcome::Outcome as Kind;
        match required(outcome.outcome, "outcome")? {
            Kind::Refused(refusal) => Refusal::read(refusal).map(Outcome::Refused).within("refused"),
            Kind::Done(state::Nothing {}) => Ok(Outcome::Done),
            Kind::App(app) => App::read(app).map(Outcome::App).within("app"),
            Kind::Channel(settings) => ChannelSettings::read(settings).map(Outcome::Channel).within("channel"),
            Kind::Plan(plan) => TrafficPlan::read(plan).map(Box::new).map(Outcome::Plan).within("plan"),
            Kind::Endpoint(outcome) => read_endpoint(outcome).within("endpoint"),
            Kind::EndpointDeleted(outcome) => read_endpoint_deleted(outcome).within("endpoint_deleted"),
            Kind::Carried(carried) => read_carried(*carried).within("carried"),
            Kind::Accepted(accepted) => {
                list(accepted.recipients, "recipients", Acceptance::read).map(Outcome::Accepted).within("accepted")
            }
            Kind::Claimed(claimed) => Ok(Outcome::Claimed(claimed.messages.into_iter().map(MessageId::from).collect())),
            Kind::Chunk(chunk) => read_chunk(chunk).within("chunk"),
            Kind::OptOut(opt_out) => OptOut::read(opt_out).map(Outcome::OptOut).within("opt_out"),
            Kind::ListedOptOut(listed) => {
                ListedOptOut::read(listed).map(Outcome::ListedOptOut).within("listed_opt_out")
            }
            Kind::Recorded(changed) => Ok(Outcome::Recorded { changed }),
        }
    }
}

fn read_endpoint(outcome: state::EndpointOutcome) -> Result<Outcome, InvalidField> {
    let endpoint = required(outcome.endpoint, "endpoint")?;
    Ok(Outcome::Endpoint {
        endpoint: Box::new(Endpoint::read(endpoint).within("endpoint")?),
        created: outcome.created,
        follow_ups: read_follow_ups(outcome.follow_ups)?,
    })
}

fn read_endpoint_deleted(outcome: state::EndpointDeletedOutcome) -> Result<Outcome, InvalidField> {
    let endpoint = required(outcome.endpoint, "endpoint")?;
    Ok(Outcome::EndpointDeleted {
        endpoint: Box::new(Endpoint::read(endpoint).within("endpoint")?),
        user_attributes: lists(outcome.user_attributes),
        follow_ups: read_follow_ups(outcome.follow_ups)?,
    })
}

fn read_carried(carried: state::CarriedOutcome) -> Result<Outcome, InvalidField> {
    let outcome = required(carried.outcome, "outcome")?;
    Ok(Outcome::Carried {
        outcome: Box::new(Outcome::read(*outcome).within("outcome")?),
        follow_ups: read_follow_ups(carried.follow_ups)?,
    })
}

fn read_chunk(chunk: state::ChunkOutcome) -> Result<Outcome, InvalidField> {
    Ok(Outcome::Chunk {
        touched: chunk.touched,
        next: chunk.next.map(OutboxCursor::read).transpose().within("next")?,
        more: chunk.more,
    })
}

fn write_follow_ups(writer: &mut Writer<'_>, field: u32, follow_ups: &[(GroupId, u64)]) {
    for (target, number) in follow_ups {
        writer.nested(field, |follow_up| {
            follow_up.uint(1, u64::from(target.0));
            follow_up.uint(2, *number);
        });
    }
}

fn read_follow_ups(follow_ups: Vec<state::FollowUpNumber>) -> Result<Vec<(GroupId, u64)>, InvalidField> {
    list(follow_ups, "follow_ups", |follow_up| Ok((group(follow_up.target, "target")?, follow_up.number)))
}

impl Form for Acceptance {
    type Generated = state::Acceptance;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Acceptance::Accepted(message) => writer.id(1, message.0),
            Acceptance::OptedOut => writer.nothing(2),
            Acceptance::Inactive => writer.nothing(3),
            Acceptance::Refused(refusal) => writer.message(4, refusal),
            Acceptance::Closed => writer.nothing(5),
        }
    }

    fn read(acceptance: state::Acceptance) -> Result<Acceptance, InvalidField> {
        use state::acceptance::Acceptance as Kind;
        Ok(match required(acceptance.acceptance, "acceptance")? {
            Kind::Accepted(message) => Acceptance::Accepted(message.into()),
            Kind::OptedOut(state::Nothing {}) => Acceptance::OptedOut,
            Kind::Inactive(state::Nothing {}) => Acceptance::Inactive,
            Kind::Refused(refusal) => Acceptance::Refused(Refusal::read(refusal).within("refused")?),
            Kind::Closed(state::Nothing {}) => Acceptance::Closed,
        })
    }
}

impl Form for Refusal {
    type Generated = state::Refusal;

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Refusal::AppNotFound => writer.nothing(1),
            Refusal::TooManyApps(most) => writer.uint_given(2, *most as u64),
            Refusal::ChannelNotFound => writer.nothing(3),
            Refusal::ChannelDisabled => writer.nothing(4),
            Refusal::EndpointNotFound => writer.nothing(5),
            Refusal::EndpointLimit(which) => writer.text_given(6, which),
            Refusal::OptOutNotFound => writer.nothing(7),
            Refusal::PlanConflict { current, parent } => writer.nested(8, |conflict| {
                conflict.uint(1, current.0);
                conflict.uint(2, parent.0);
            }),
            Refusal::PlanInvalid(why) => writer.text_given(9, why),
            Refusal::NoPlan => writer.nothing(10),
            Refusal::NoRegion => writer.nothing(11),
            Refusal::WrongGroup => writer.nothing(12),
            Refusal::FollowUpGap { number, expected } => writer.nested(13, |gap| {
                gap.uint(1, *number);
                gap.uint(2, *expected);
            }),
            Refusal::TooManyFollowUps { target, limit } => writer.nested(14, |full| {
                full.uint(1, u64::from(target.0));
                full.uint(2, *limit);
            }),
            Refusal::IncarnationOutdated { known } => writer.uint_given(15, known.0),
            Refusal::ChannelTypeMissing => writer.nothing(16),
            Refusal::AddressMissing => writer.nothing(17),
            Refusal::AddressInvalid(why) => writer.text_given(18, why),
            Refusal::RequestReused(most) => writer.uint_given(19, *most as u64),
            Refusal::BodyIncomplete => writer.nothing(20),
            Refusal::PieceInvalid(why) => writer.text_given(21, why),
        }
    }

    fn read(refusal: state::Refusal) -> Result<Refusal, InvalidField> {
        use state::refusal::Refusal as Kind;
        Ok(match required(refusal.refusal, "refusal")? {
            Kind::AppNotFound(_) => Refusal::AppNotFound,
            Kind::TooManyApps(found) => Refusal::TooManyApps(count(found, "too_many_apps")?),
            Kind::ChannelNotFound(_) => Refusal::ChannelNotFound,
            Kind::ChannelDisabled(_) => Refusal::ChannelDisabled,
            Kind::EndpointNotFound(_) => Refusal::EndpointNotFound,
            Kind::EndpointLimit(which) => Refusal::EndpointLimit(which),
            Kind::OptOutNotFound(_) => Refusal::OptOutNotFound,
            Kind::PlanConflict(conflict) => {
                Refusal::PlanConflict { current: Epoch(conflict.current), parent: Epoch(conflict.parent) }
            }
            Kind::PlanInvalid(why) => Refusal::PlanInvalid(why),
            Kind::NoPlan(_) => Refusal::NoPlan,
            Kind::NoRegion(_) => Refusal::NoRegion,
            Kind::WrongGroup(_) => Refusal::WrongGroup,
            Kind::FollowUpGap(gap) => Refusal::FollowUpGap { number: gap.number, expected: gap.expected },
            Kind::IncarnationOutdated(known) => Refusal::IncarnationOutdated { known: Incarnation(known) },
            Kind::ChannelTypeMissing(_) => Refusal::ChannelTypeMissing,
            Kind::AddressMissing(_) => Refusal::AddressMissing,
            Kind::RequestReused(found) => Refusal::RequestReused(count(found, "request_reused")?),
            Kind::AddressInvalid(why) => Refusal::AddressInvalid(why),
            Kind::BodyIncomplete(_) => Refusal::BodyIncomplete,
            Kind::PieceInvalid(why) => Refusal::PieceInvalid(why),
            Kind::TooManyFollowUps(full) => {
                Refusal::TooManyFollowUps { target: group(full.target, "target")?, limit: full.limit }
            }
        })
    }
}

fn count(found: u64, field: &str) -> Result<usize, InvalidField> {
    usize::try_from(found).map_err(|_| InvalidField::new(field, Flaw::TooLarge { max: usize::MAX as u64, found }))
}
