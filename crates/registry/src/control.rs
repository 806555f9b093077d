//! The control group: apps, their channels, and the plan. A change of an app is carried to every partition by a
//! follow-up; a plan is carried by the leader's duty.

use std::collections::BTreeMap;

use model::app::{
    APPS_MAX, App, AppSendState, ChannelDetail, ChannelSendState, ChannelSettings, FORMER_COUNTRIES_MAX, FormerCountry,
};
use model::channel::{CHANNELS, Channel};
use model::command::FollowUpAction;
use model::id::{AppId, GroupId, Revision};
use model::message::Class;
use model::outcome::{Outcome, Refusal};
use model::plan::PlanChange;
use model::time::Timestamp;
use traffic::planning::PlanError;

use crate::effect::Effect;
use crate::follow_up;
use crate::step::Step;
use crate::tables::{Apps, Channels, FollowUpNumbers, Plans, RowAccess, TableError, Tables};

/// What a caller wants of a channel.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelWish<'a> {
    /// Whether it is enabled; as it was, or enabled when new, if not given.
    pub enabled: Option<bool>,
    /// The class of messages that name none; as it was if not given.
    pub class: Option<Class>,
    pub detail: &'a ChannelDetail,
}

/// Makes an app. The same id again is the same app, whatever its name. Ids are drawn, so that no two apps have one.
pub(crate) fn create_app<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    id: AppId,
    name: &str,
    tags: &BTreeMap<String, String>,
) -> Result<Outcome, TableError> {
    if let Some(app) = step.tables.row::<Apps>(&id)? {
        let follow_ups = carried_so_far(step)?;
        return Ok(Outcome::Carried { outcome: Box::new(Outcome::App(app)), follow_ups });
    }
    if step.tables.rows_while::<Apps>(&AppId(0), APPS_MAX, |_| true)?.len() >= APPS_MAX {
        return Ok(Outcome::Refused(Refusal::TooManyApps(APPS_MAX)));
    }
    if let Some(refusal) = room(step)? {
        return Ok(Outcome::Refused(refusal));
    }
    let app = App {
        id,
        name: name.to_owned(),
        tags: tags.clone(),
        created: step.now,
        revision: Revision(1),
        former_countries: Vec::new(),
    };
    step.tables.store_row::<Apps>(id, app.clone());
    carry(step, &app, Outcome::App(app.clone()))
}

/// Deletes an app with its channels. Nothing of it stays here: what the partitions must do about it is in the
/// follow-ups.
pub(crate) fn delete_app<T: Tables + ?Sized>(step: &mut Step<'_, T>, id: AppId) -> Result<Outcome, TableError> {
    let Some(app) = step.tables.row::<Apps>(&id)? else {
        return Ok(Outcome::Refused(Refusal::AppNotFound));
    };
    if let Some(refusal) = room(step)? {
        return Ok(Outcome::Refused(refusal));
    }
    for settings in channels_of(step, id)? {
        step.tables.remove_row::<Channels>(&(id, settings.channel));
    }
    step.tables.remove_row::<Apps>(&id);
    let send_state = AppSendState { app: id, channels: BTreeMap::new(), revision: app.revision.next(), deleted: true };
    let follow_ups = queue_everywhere(step, &send_state)?;
    Ok(Outcome::Carried { outcome: Box::new(Outcome::App(app)), follow_ups })
}

/// Configures a channel of an app, or changes it.
pub(crate) fn put_channel<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    app: AppId,
    channel: Channel,
    wish: ChannelWish<'_>,
) -> Result<Outcome, TableError> {
    let Some(mut app) = step.tables.row::<Apps>(&app)? else {
        return Ok(Outcome::Refused(Refusal::AppNotFound));
    };
    if let Some(refusal) = room(step)? {
        return Ok(Outcome::Refused(refusal));
    }
    let key = (app.id, channel);
    let old = step.tables.row::<Channels>(&key)?;
    let detail = replaced(old.as_ref().map(|old| &old.detail), wish.detail);
    leave_country(&mut app, old.as_ref().map(|old| &old.detail), Some(&detail), step.now);
    let settings = ChannelSettings {
        channel,
        enabled: wish.enabled.or(old.as_ref().map(|old| old.enabled)).unwrap_or(true),
        class: wish.class.or(old.as_ref().and_then(|old| old.class)),
        detail,
        created: old.as_ref().map_or(step.now, |old| old.created),
        modified: step.now,
        revision: old.map_or(Revision(1), |old| old.revision.next()),
    };
    step.tables.store_row::<Channels>(key, settings.clone());
    carry_change(step, app, Outcome::Channel(settings))
}

/// Removes a channel of an app.
pub(crate) fn delete_channel<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    app: AppId,
    channel: Channel,
) -> Result<Outcome, TableError> {
    let Some(mut app) = step.tables.row::<Apps>(&app)? else {
        return Ok(Outcome::Refused(Refusal::AppNotFound));
    };
    let key = (app.id, channel);
    let Some(settings) = step.tables.row::<Channels>(&key)? else {
        return Ok(Outcome::Refused(Refusal::ChannelNotFound));
    };
    if let Some(refusal) = room(step)? {
        return Ok(Outcome::Refused(refusal));
    }
    leave_country(&mut app, Some(&settings.detail), None, step.now);
    step.tables.remove_row::<Channels>(&key);
    carry_change(step, app, Outcome::Channel(settings))
}

/// Commits a plan. The change that made the current plan is answered with that plan when it comes again.
pub(crate) fn commit_plan<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    change: &PlanChange,
) -> Result<Outcome, TableError> {
    let current = step.tables.row::<Plans>(&step.meta.epoch)?;
    if let Some(current) = &current
        && change.clone().into_plan(current.time) == *current
    {
        return Ok(Outcome::Plan(Box::new(current.clone())));
    }
    match traffic::planning::check(change, current.as_ref()) {
        Ok(()) => {}
        Err(PlanError::Stale { current, parent }) => {
            return Ok(Outcome::Refused(Refusal::PlanConflict { current, parent }));
        }
        Err(error) => return Ok(Outcome::Refused(Refusal::PlanInvalid(error.to_string()))),
    }
    let plan = change.clone().into_plan(step.now);
    step.meta.epoch = plan.epoch;
    step.tables.store_row::<Plans>(plan.epoch, plan.clone());
    step.effects.push(Effect::PlanChanged(plan.epoch));
    Ok(Outcome::Plan(Box::new(plan)))
}

/// Raises the app's revision because of one of its channels, and carries it to the partitions.
fn carry_change<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    mut app: App,
    outcome: Outcome,
) -> Result<Outcome, TableError> {
    app.revision = app.revision.next();
    step.tables.store_row::<Apps>(app.id, app.clone());
    carry(step, &app, outcome)
}

fn carry<T: Tables + ?Sized>(step: &mut Step<'_, T>, app: &App, outcome: Outcome) -> Result<Outcome, TableError> {
    let channels = channels_of(step, app.id)?
        .into_iter()
        .map(|ChannelSettings { channel, enabled, class, detail, .. }| {
            (channel, ChannelSendState { enabled, class, detail })
        })
        .collect();
    let send_state = AppSendState { app: app.id, channels, revision: app.revision, deleted: false };
    let follow_ups = queue_everywhere(step, &send_state)?;
    Ok(Outcome::Carried { outcome: Box::new(outcome), follow_ups })
}

/// Says why a change that is carried to every partition is refused, if it is.
fn room<T: Tables + ?Sized>(step: &Step<'_, T>) -> Result<Option<Refusal>, TableError> {
    follow_up::room(step, GroupId::partitions(step.partitions))
}

fn queue_everywhere<T: Tables + ?Sized>(
    step: &mut Step<'_, T>,
    send_state: &AppSendState,
) -> Result<Vec<(GroupId, u64)>, TableError> {
    GroupId::partitions(step.partitions)
        .map(|target| Ok((target, step.queue(target, FollowUpAction::AdoptApp(send_state.clone()))?)))
        .collect()
}

/// Lists the last follow-up to every partition: whoever waits for these waits for all before them.
fn carried_so_far<T: Tables + ?Sized>(step: &Step<'_, T>) -> Result<Vec<(GroupId, u64)>, TableError> {
    GroupId::partitions(step.partitions)
        .map(|target| Ok((target, step.tables.row::<FollowUpNumbers>(&target)?.unwrap_or_default())))
        .collect()
}

fn channels_of<T: Tables + ?Sized>(step: &Step<'_, T>, app: AppId) -> Result<Vec<ChannelSettings>, TableError> {
    let rows = step.tables.rows_while::<Channels>(&(app, CHANNELS[0]), CHANNELS.len(), |key| key.0 == app)?;
    Ok(rows.into_iter().map(|(_, settings)| settings).collect())
}

/// The detail is replaced as a whole, but for the default country: Pinpoint's clients have no member for it, and their
/// PUT must not make the app's national numbers unreadable.
fn replaced(old: Option<&ChannelDetail>, new: &ChannelDetail) -> ChannelDetail {
    let mut detail = new.clone();
    if let ChannelDetail::Sms { default_country, .. } = &mut detail
        && let Some(ChannelDetail::Sms { default_country: old, .. }) = old
    {
        *default_country = default_country.or(*old);
    }
    detail
}

/// Remembers the country that an app's numbers are no longer read in.
fn leave_country(app: &mut App, old: Option<&ChannelDetail>, new: Option<&ChannelDetail>, now: Timestamp) {
    let country_of = |detail: Option<&ChannelDetail>| match detail {
        Some(ChannelDetail::Sms { default_country, .. }) => *default_country,
        _ => None,
    };
    let (old, new) = (country_of(old), country_of(new));
    if old == new {
        return;
    }
    let former = &mut app.former_countries;
    former.retain(|row| row.counts(now) && Some(row.country) != old && Some(row.country) != new);
    former.extend(old.map(|country| FormerCountry { country, left: now }));
    if former.len() > FORMER_COUNTRIES_MAX {
        former.remove(0);
    }
}
