//! Looks at the traffic plan through every listener during a run, and at everything once it is over.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use wire::v1;

use crate::caller::Caller;
use crate::history::{AlarmsSeen, Answer, Arrival, Books, Call, Class, Line, MessageSeen, PlanSeen, Readiness, Region};
use crate::load::{REGISTERS, register_name};
use crate::recorder::{Recorder, read};
use crate::until::Until;
use crate::world::Cluster;

/// How often a listener is asked for the plan.
const PLAN_EVERY: Duration = Duration::from_millis(200);
/// How often a listener is asked whether it is ready, and how long it may take to say so: on a busy machine a while.
const READINESS_EVERY: Duration = Duration::from_millis(200);
const READINESS_ANSWER_MAX: Duration = Duration::from_secs(2);
/// After the last fault and the last call: how often it is looked whether all that was accepted has arrived, for how
/// long nothing may move until that is given up, and for how long at most.
const ARRIVED_EVERY: Duration = Duration::from_millis(500);
const STILL_MAX: Duration = Duration::from_secs(15);
const SETTLE_MAX: Duration = Duration::from_secs(120);

/// Takes down each plan that a listener shows, until it is over.
pub async fn plans(caller: Caller, regions: Vec<&'static str>, until: Until) {
    let mut ticks = interval(PLAN_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = None;
    while !until.is_over() {
        ticks.tick().await;
        let Ok(answer) = caller.connection.traffic().get_plan(v1::GetPlanRequest {}).await else { continue };
        let Some(plan) = answer.into_inner().plan else { continue };
        let seen = seen(&caller, &regions, &plan);
        if last.replace(seen.epoch) != Some(seen.epoch) {
            caller.recorder.record(Line::Plan(seen));
        }
    }
}

/// Takes down when the `/readyz` at `url` changes, until it is over.
pub async fn readiness(listener: Region, url: String, recorder: Arc<Recorder>, until: Until) {
    let Ok(client) = reqwest::Client::builder().timeout(READINESS_ANSWER_MAX).build() else { return };
    let mut ticks = interval(READINESS_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut last = None;
    while !until.is_over() {
        ticks.tick().await;
        let (ready, said) = match client.get(&url).send().await {
            Ok(answer) => (answer.status().is_success(), answer.text().await.unwrap_or_default()),
            Err(error) if error.is_timeout() => (false, format!("no answer in {READINESS_ANSWER_MAX:?}")),
            Err(_) => (false, "no connection".to_owned()),
        };
        if last.replace(ready) != Some(ready) {
            recorder.record(Line::Readiness(Readiness { at_us: recorder.now(), listener, ready, said }));
        }
    }
}

fn seen(caller: &Caller, regions: &[&str], plan: &v1::TrafficPlan) -> PlanSeen {
    let evacuated = |region: &&str| plan.regions.get(*region) == Some(&(v1::RegionState::Evacuated as i32));
    let states: BTreeMap<&String, &i32> = plan.regions.iter().collect();
    let weights: BTreeMap<&String, &u32> = plan.weights.iter().flat_map(|weights| &weights.weights).collect();
    PlanSeen {
        at_us: caller.recorder.now(),
        listener: caller.listener,
        epoch: plan.epoch,
        evacuated: regions.iter().enumerate().filter(|(_, region)| evacuated(region)).map(|(place, _)| place).collect(),
        text: format!("after {}, {states:?} {weights:?}, {}", plan.parent_epoch, plan.reason),
    }
}

/// What the provider tells of a message that it took.
#[derive(Debug, Deserialize)]
struct Taken {
    message_id: String,
    address: String,
    region: String,
    epoch: u64,
    attempt: u32,
    class: Class,
    at_ms: u64,
}

/// Waits until all that was accepted has arrived or nothing moves any more; takes down what arrived, what became of the
/// rest, the books, and the registers at every listener.
///
/// # Errors
/// When the provider or a listener doesn't answer.
pub async fn at_the_end(cluster: &Cluster, callers: &[Caller]) -> anyhow::Result<()> {
    let first = callers.first().context("no listener")?;
    let accepted = accepted(&first.recorder)?;
    let taken = settled(cluster, &accepted).await?;
    let mut missing = accepted;
    for Taken { message_id, address, region, epoch, attempt, class, at_ms } in taken {
        missing.remove(&message_id);
        let region = region_of(cluster, &region)?;
        let at_us = first.recorder.of_wall_ms(at_ms);
        first.recorder.record(Line::Arrival(Arrival {
            at_us,
            message: message_id,
            address,
            class,
            region,
            epoch,
            attempt,
        }));
    }
    for message in missing {
        let status = status(first, &message).await?;
        first.recorder.record(Line::Message(MessageSeen { message, status }));
    }
    for caller in callers {
        caller.recorder.record(Line::Books(books(caller).await?));
        caller.recorder.record(Line::Alarms(alarms(caller).await?));
        for register in 0..REGISTERS {
            caller.read(register_name(register)).await;
            caller.read_by_rest(register_name(register)).await;
        }
    }
    Ok(())
}

fn accepted(recorder: &Recorder) -> anyhow::Result<BTreeSet<String>> {
    let lines = read(recorder.flush()?)?;
    let accepted = lines.filter_map(|line| match line {
        Ok(Line::Call(Call { answer: Answer::Accepted { message }, .. })) => Some(Ok(message)),
        Ok(_) => None,
        Err(error) => Some(Err(error)),
    });
    accepted.collect()
}

async fn settled(cluster: &Cluster, accepted: &BTreeSet<String>) -> anyhow::Result<Vec<Taken>> {
    let began = Instant::now();
    let (mut moved, mut before) = (began, 0);
    loop {
        let taken = taken(cluster).await?;
        let arrived: BTreeSet<&String> = taken.iter().map(|taken| &taken.message_id).collect();
        let all = accepted.iter().all(|message| arrived.contains(message));
        if taken.len() != before {
            (before, moved) = (taken.len(), Instant::now());
        }
        // What opted out or is held never comes: then nothing moves.
        if all || moved.elapsed() > STILL_MAX || began.elapsed() > SETTLE_MAX {
            return Ok(taken);
        }
        sleep(ARRIVED_EVERY).await;
    }
}

async fn taken(cluster: &Cluster) -> anyhow::Result<Vec<Taken>> {
    let text = cluster.taken().await?;
    text.lines().map(|line| serde_json::from_str(line).context("failed to read what the provider took")).collect()
}

fn region_of(cluster: &Cluster, name: &str) -> anyhow::Result<Region> {
    let place = cluster.options().regions.iter().position(|region| *region == name);
    place.with_context(|| format!("a message came from {name:?}"))
}

async fn status(caller: &Caller, message: &str) -> anyhow::Result<String> {
    let request = v1::GetMessageRequest { message_id: message.to_owned() };
    match caller.connection.messages().get(request).await {
        Ok(answer) => {
            let status = answer.into_inner().progress.unwrap_or_default().status();
            let name = status.as_str_name().strip_prefix("STATUS_").unwrap_or("unknown").to_ascii_lowercase();
            Ok(name)
        }
        Err(status) if status.code() == tonic::Code::NotFound => Ok("unknown".to_owned()),
        Err(status) => Err(status).context("failed to ask what became of a message"),
    }
}

async fn alarms(caller: &Caller) -> anyhow::Result<AlarmsSeen> {
    let status =
        caller.connection.cluster().status(v1::StatusRequest {}).await.context("failed to ask for the alarms")?;
    let told = |alarm: v1::Alarm| (alarm.name, format!("{}: {}", alarm.subject, alarm.text));
    Ok(AlarmsSeen { listener: caller.listener, alarms: status.into_inner().alarms.into_iter().map(told).collect() })
}

async fn books(caller: &Caller) -> anyhow::Result<Books> {
    let request = v1::GetAccountingRequest { app_id: Some(caller.app.to_string()) };
    let answer = caller.connection.accounting().get(request).await.context("failed to ask for the accounting")?;
    let sum = answer.into_inner().sum.context("an accounting without a sum")?;
    let counts = [
        ("waiting", sum.pending),
        ("held", sum.held),
        ("delivered", sum.delivered),
        ("failed", sum.failed),
        ("opted_out", sum.opted_out),
        ("expired", sum.expired),
    ];
    let by_status = counts.into_iter().map(|(name, count)| (name.to_owned(), count)).collect();
    Ok(Books { listener: caller.listener, accepted: sum.accepted, by_status })
}
