//! Planted: sends to who opted out or was deleted, and refusals of who didn't.

use model::id::{AppId, EndpointId, Epoch, Incarnation, MessageId, NodeId};
use model::message::Class;

use super::*;
use crate::sim::history::Records;
use crate::sim::layout::Layout;
use crate::sim::operations::{By, Dispatch, Operation};
use crate::sim::replica::Replicas;
use crate::sim::settings::{Scene, Settings};

const SETTINGS: Settings = Settings { seed: 1, seconds: 1, scene: Scene::Mixed, layout: Layout::Three, broken: None };

fn to(endpoint: Option<&str>) -> Recipient {
    Recipient { app: AppId(1), endpoint: endpoint.map(EndpointId::from_stored), address: "x".to_owned() }
}

fn operation(from: Tick, asked: Asked, answered: Answered) -> Operation {
    Operation { node: NodeId(1), asked, from, answer: Some((from + 100, answered)) }
}

fn opt(from: Tick, out: bool, by: By, answered: Answered) -> Operation {
    let address = "x".to_owned();
    operation(from, if out { Asked::OptOut { address, by } } else { Asked::OptIn { address, by } }, answered)
}

fn dispatch(from: Tick, endpoint: Option<&str>) -> Dispatch {
    Dispatch {
        from,
        node: NodeId(1),
        incarnation: Incarnation(1),
        message: MessageId(7),
        attempt: 1,
        epoch: Epoch(1),
        class: Class::AtLeastOnce,
        to: to(endpoint),
        reply: None,
    }
}

fn unknown() -> Answered {
    Answered::Unknown("nobody answered".to_owned())
}

fn found(check: fn(&Evidence<'_>) -> Vec<String>, operations: &[Operation], dispatches: &[Dispatch]) -> usize {
    let mut records = Records::default();
    records.operations.extend_from_slice(operations);
    records.dispatches.extend_from_slice(dispatches);
    let (settings, replicas) = (&SETTINGS, &Replicas::new());
    check(&Evidence { settings, records: &records, replicas, unsettled: &[], panics: &[], builds: &[] }).len()
}

#[test]
fn a_dispatch_is_found_unless_somebody_may_have_opted_in() {
    let check = no_dispatch_after_an_acknowledged_opt_out;
    let out = opt(1_000, true, By::Address, Answered::Done);
    let to_them = |from| [dispatch(from, None)];
    assert_eq!(found(check, std::slice::from_ref(&out), &to_them(1_101)), 1);
    assert_eq!(found(check, std::slice::from_ref(&out), &to_them(1_100)), 0, "the same millisecond");
    let by_endpoint = opt(1_200, false, By::Endpoint, Answered::Done);
    assert_eq!(found(check, &[out.clone(), by_endpoint], &to_them(2_000)), 1, "an opt-in of another kind");
    let earlier = opt(500, false, By::Address, Answered::Done);
    assert_eq!(found(check, &[earlier, out.clone()], &to_them(2_000)), 1, "an opt-in that came before");
    let refused = opt(1_200, false, By::Address, Answered::Refused("no".to_owned()));
    assert_eq!(found(check, &[out.clone(), refused], &to_them(2_000)), 1, "an opt-in that was refused");
    let late = opt(500, false, By::Address, unknown());
    assert_eq!(found(check, &[late, out.clone()], &to_them(2_000)), 0, "an opt-in that may come late");
    let back = opt(1_200, false, By::Address, Answered::Done);
    assert_eq!(found(check, &[out.clone(), back.clone()], &to_them(1_201)), 0);
    let again = opt(1_400, true, By::Address, Answered::Done);
    assert_eq!(found(check, &[out, back, again], &to_them(1_600)), 1, "opted out again");
}

#[test]
fn a_dispatch_to_what_was_deleted_is_found() {
    let check = no_dispatch_after_an_acknowledged_deletion;
    let deletion = |target, answered| operation(1_000, Asked::Delete(target), answered);
    let endpoint = || Target::Endpoint(EndpointId::from_stored("e"));
    assert_eq!(found(check, &[deletion(endpoint(), Answered::Done)], &[dispatch(1_200, Some("e"))]), 1);
    assert_eq!(found(check, &[deletion(endpoint(), Answered::Done)], &[dispatch(1_100, Some("e"))]), 0);
    assert_eq!(found(check, &[deletion(endpoint(), Answered::Done)], &[dispatch(1_200, Some("f"))]), 0);
    assert_eq!(found(check, &[deletion(endpoint(), unknown())], &[dispatch(1_200, Some("e"))]), 0);
    assert_eq!(found(check, &[deletion(Target::App(AppId(1)), Answered::Done)], &[dispatch(1_200, None)]), 1);
    assert_eq!(found(check, &[deletion(Target::App(AppId(2)), Answered::Done)], &[dispatch(1_200, None)]), 0);
}

#[test]
fn an_acceptance_of_what_is_forbidden_is_found() {
    let send = |from| {
        let asked = Asked::Send { to: to(Some("e")), ready: true, until: None };
        operation(from, asked, Answered::Accepted(MessageId(7)))
    };
    let check = nothing_forbidden_is_accepted;
    let deletion = operation(1_000, Asked::Delete(Target::Endpoint(EndpointId::from_stored("e"))), Answered::Done);
    assert_eq!(found(check, &[deletion.clone(), send(1_200)], &[]), 1);
    assert_eq!(found(check, &[deletion, send(1_050)], &[]), 0);
    let out = opt(1_000, true, By::Endpoint, Answered::Done);
    assert_eq!(found(check, &[out.clone(), send(1_200)], &[]), 1);
    assert_eq!(found(check, &[out, opt(1_250, false, By::Endpoint, unknown()), send(1_200)], &[]), 0);
}

#[test]
fn a_refusal_of_who_opted_in_is_found() {
    let send = |from| operation(from, Asked::Send { to: to(None), ready: true, until: None }, Answered::OptedOut);
    let check = refused_only_who_opted_out;
    assert_eq!(found(check, &[send(1_000)], &[]), 1, "nobody opted out");
    let out = opt(500, true, By::Address, Answered::Done);
    assert_eq!(found(check, &[out.clone(), send(1_000)], &[]), 0);
    let back = opt(700, false, By::Address, Answered::Done);
    assert_eq!(found(check, &[out.clone(), back.clone(), send(1_000)], &[]), 1, "opted in again");
    assert_eq!(found(check, &[out.clone(), back.clone(), send(750)], &[]), 0, "the opt-in isn't answered yet");
    assert_eq!(found(check, &[opt(500, true, By::Address, unknown()), back, send(1_000)], &[]), 0);
    let refused = opt(500, true, By::Address, Answered::Refused("no".to_owned()));
    assert_eq!(found(check, &[refused, send(1_000)], &[]), 1, "an opt-out that was refused");
}
