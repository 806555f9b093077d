//! The services of the gRPC listener that operators use: traffic and the cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::NodeId;
use model::time::Timestamp;
use service::ports::TimeLeap;
use tonic::Code;
use traffic::readiness::NotReady;
use wire::v1;
use wire::v1::cluster_client::ClusterClient;
use wire::v1::traffic_client::TrafficClient;

use crate::grpc::{Grpc, Intercepted, client, node_info};

#[tokio::test]
async fn the_plan_is_changed_by_hand() {
    let grpc = Grpc::start().await;
    let mut traffic = client!(TrafficClient, grpc);
    let evacuate = |dry_run: bool, rules: &[&str], reason: &str| v1::EvacuateRequest {
        options: Some(v1::ChangeOptions {
            reason: reason.into(),
            dry_run,
            override_rules: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            parent_epoch: None,
        }),
        region: "us-east-1".into(),
    };
    let code = |result: Result<tonic::Response<v1::PlanChangeResponse>, tonic::Status>| result.unwrap_err().code();
    assert_eq!(code(traffic.evacuate(evacuate(false, &[], "test")).await), Code::FailedPrecondition);
    assert_eq!(code(traffic.evacuate(evacuate(false, &["no_such"], "test")).await), Code::InvalidArgument);
    assert_eq!(code(traffic.evacuate(evacuate(false, &["last_regions"], "")).await), Code::InvalidArgument);
    let tried = traffic.evacuate(evacuate(true, &["last_regions"], "test")).await.unwrap().into_inner();
    assert!(!tried.committed && !tried.description.is_empty());
    let done = traffic.evacuate(evacuate(false, &["last_regions"], "test")).await.unwrap().into_inner();
    let plan = done.plan.unwrap();
    assert_eq!(plan.author, Some(v1::traffic_plan::Author::Principal("kit".into())));
    assert!(done.adoption.iter().all(|adoption| adoption.epoch == plan.epoch));
    let stale = v1::RestoreRequest {
        options: Some(v1::ChangeOptions { reason: "back".into(), parent_epoch: Some(1), ..Default::default() }),
        region: "us-east-1".into(),
    };
    assert_eq!(code(traffic.restore(stale).await), Code::Aborted);
    let history = traffic.history(v1::HistoryRequest { page_size: 1, before_epoch: None }).await.unwrap().into_inner();
    assert_eq!((history.plans[0].epoch, history.next_before_epoch), (plan.epoch, Some(plan.epoch)));
}

#[tokio::test]
async fn traffic_goes_to_no_region_that_is_not_ready_unless_a_person_names_it() {
    let grpc = Grpc::start().await;
    let mut traffic = client!(TrafficClient, grpc);
    let options = |rules: &[&str]| {
        let override_rules = rules.iter().map(|rule| (*rule).to_owned()).collect();
        Some(v1::ChangeOptions { reason: "test".into(), override_rules, ..Default::default() })
    };
    let region = "us-east-1".to_owned();
    let evacuate = v1::EvacuateRequest { options: options(&["last_regions"]), region: region.clone() };
    traffic.evacuate(evacuate).await.unwrap();
    let silent = NotReady::Silent { node: NodeId(1), ago: Some(Duration::from_secs(5)) };
    grpc.node.neighbours.set("us-east-1", Some(silent));

    let restore = |rules: &[&str]| v1::RestoreRequest { options: options(rules), region: region.clone() };
    let refused = traffic.restore(restore(&["last_regions", "not_ready:eu-west-1"])).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    for part in ["us-east-1", "node 1 was last heard 5000 ms ago", "\"not_ready:us-east-1\""] {
        assert!(refused.message().contains(part), "{refused:?}");
    }
    let done = traffic.restore(restore(&["not_ready:us-east-1"])).await.unwrap().into_inner();
    assert!(done.description.iter().any(|line| line.contains("not ready")), "{:?}", done.description);
    let evidence = done.plan.unwrap().evidence;
    assert!(evidence["not_ready:us-east-1"].contains("overridden by name: node 1"), "{evidence:?}");

    let weights = BTreeMap::from([(region.clone(), 3), ("eu-west-1".to_owned(), 1)]);
    let weights = Some(v1::Weights { weights });
    let shift = v1::ShiftRequest { options: options(&[]), weights, ..Default::default() };
    assert_eq!(traffic.shift(shift).await.unwrap_err().code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_destination_and_an_app_get_weights_of_their_own_once_every_group_knows_such_plans() {
    let grpc = Grpc::start().await;
    let mut traffic = client!(TrafficClient, grpc);
    let options = Some(v1::ChangeOptions { reason: "test".into(), ..Default::default() });
    let weights = Some(v1::Weights { weights: BTreeMap::from([("eu-west-1".to_owned(), 1)]) });
    let app_id = "0a".repeat(16);
    let of_app =
        v1::ShiftPartRequest { options: options.clone(), weights: weights.clone(), app_id, ..Default::default() };
    let british = v1::ShiftPartRequest {
        options,
        weights,
        channel: v1::Channel::Sms as i32,
        destination: "+44".into(),
        ..Default::default()
    };
    let refused = traffic.shift_part(british.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("group 0 is at 1: raise it with `signalbox cluster raise-version`"),
        "{refused:?}"
    );
    grpc.node.service.raise_version(Some(registry::PLANS_WITH_PARTS)).await.unwrap();
    for asked in [of_app, british.clone()] {
        traffic.shift_part(asked).await.unwrap();
    }
    let plan = traffic.get_plan(v1::GetPlanRequest {}).await.unwrap().into_inner().plan.unwrap();
    let named: Vec<_> = plan.scopes.iter().map(|of| (of.app_id.as_str(), of.destination.as_str())).collect();
    assert_eq!(named, [("0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a", ""), ("", "+44")]);
    let inherits = v1::ShiftPartRequest { weights: Some(v1::Weights::default()), ..british };
    let plan = traffic.shift_part(inherits.clone()).await.unwrap().into_inner().plan.unwrap();
    assert_eq!(plan.scopes.len(), 1);
    let refused = traffic.shift_part(inherits).await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, "it has no weights of its own"));
}

#[tokio::test]
async fn what_is_frozen_is_in_the_plan_until_it_is_unfrozen() {
    let grpc = Grpc::start().await;
    let mut traffic = client!(TrafficClient, grpc);
    grpc.node.service.raise_version(Some(registry::PLANS_WITH_PARTS)).await.unwrap();
    let options = Some(v1::ChangeOptions { reason: "test".into(), ..Default::default() });
    let part = |part| Some(v1::Frozen { part: Some(part) });
    let region = part(v1::frozen::Part::Region("us-east-1".into()));
    let freeze = v1::FreezeRequest { options: options.clone(), part: region.clone() };
    let done = traffic.freeze(freeze.clone()).await.unwrap().into_inner();
    assert_eq!(done.plan.unwrap().frozen, region.clone().into_iter().collect::<Vec<_>>());
    assert_eq!(done.description, ["us-east-1: frozen, only persons change it"]);
    let again = traffic.freeze(freeze).await.unwrap_err();
    assert_eq!((again.code(), again.message()), (Code::InvalidArgument, "us-east-1 is frozen already"));
    for (wrong, says) in [
        (None, "part: is required"),
        (part(v1::frozen::Part::Channel(99)), "part.channel: 99 is no value of Channel"),
        (part(v1::frozen::Part::Region("nowhere".into())), "nowhere is no serving region of the plan"),
    ] {
        let refused = traffic.freeze(v1::FreezeRequest { options: options.clone(), part: wrong }).await.unwrap_err();
        assert_eq!((refused.code(), refused.message()), (Code::InvalidArgument, says));
    }
    let unfreeze = v1::UnfreezeRequest { options, part: region };
    let done = traffic.unfreeze(unfreeze.clone()).await.unwrap().into_inner();
    assert_eq!(done.plan.unwrap().frozen, []);
    assert_eq!(traffic.unfreeze(unfreeze).await.unwrap_err().message(), "us-east-1 is not frozen");
}

#[tokio::test]
async fn a_change_waits_a_moment_for_a_region_that_has_just_started() {
    let grpc = Grpc::start().await;
    let mut traffic = client!(TrafficClient, grpc);
    let options =
        v1::ChangeOptions { reason: "test".into(), override_rules: vec!["last_regions".into()], ..Default::default() };
    let region = "us-east-1".to_owned();
    traffic.evacuate(v1::EvacuateRequest { options: Some(options.clone()), region: region.clone() }).await.unwrap();
    let reason = "not every group has caught up since the start".to_owned();
    grpc.node.neighbours.set("us-east-1", Some(NotReady::Unable { node: NodeId(1), reason }));
    grpc.node.neighbours.ready_after(3);
    let restored = traffic.restore(v1::RestoreRequest { options: Some(options), region }).await.unwrap().into_inner();
    assert!(restored.plan.unwrap().evidence.is_empty());
}

#[tokio::test]
async fn the_cluster_shows_itself_and_is_changed() {
    let grpc = Grpc::start().await;
    let mut cluster = client!(ClusterClient, grpc);
    let status = cluster.status(v1::StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.node_id, status.epoch), (1, 1));
    let regions: Vec<_> = status
        .regions
        .iter()
        .map(|region| (region.region.as_str(), region.plan_state.as_str(), region.reachable))
        .collect();
    assert_eq!(regions, [("eu-west-1", "active", true), ("us-east-1", "active", true)]);
    assert_eq!(status.groups[0].replicas[1].lag_entries, 3);
    assert_eq!(status.groups[0].lease_remaining_ms, Some(700));
    assert_eq!(status.nodes.iter().map(|node| node.round_trip_us).collect::<Vec<_>>(), [None, Some(81_250)]);
    let alarms = status.alarms.iter().map(|alarm| (alarm.name.as_str(), alarm.severity())).collect::<Vec<_>>();
    let expected = [("region_lost", v1::AlarmSeverity::Critical), ("held_messages", v1::AlarmSeverity::Warning)];
    assert_eq!(alarms, expected);
    assert!(status.alarms[0].subject == "eu-west-1" && status.alarms[0].remedy.contains("traffic restore"));
    let add = v1::AddNodeRequest { node: Some(node_info(3, "ap-southeast-2").into()) };
    assert_eq!(cluster.add_node(add).await.unwrap().into_inner().nodes.len(), 3);
    let flawed = cluster.add_node(v1::AddNodeRequest { node: Some(v1::NodeInfo::default()) }).await.unwrap_err();
    assert_eq!(flawed.metadata().get("x-signalbox-field").unwrap(), "node.node_id");
    let unknown = cluster.promote_node(v1::PromoteNodeRequest { node_id: 9 }).await.unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let refused = cluster.remove_node(v1::RemoveNodeRequest { node_id: 1 }).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let no_leap = cluster.accept_time(v1::AcceptTimeRequest { dry_run: true }).await.unwrap_err();
    assert_eq!(no_leap.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn a_leap_is_accepted_once_and_a_dry_run_accepts_nothing() {
    let grpc = Grpc::start().await;
    let leap = TimeLeap { time: Timestamp(1_000), clocks: Timestamp(90_001_000), ahead_ms: 90_000_000 };
    grpc.cluster.set_leap(leap);
    let mut cluster: ClusterClient<Intercepted> = client!(ClusterClient, grpc);
    for (dry_run, accepted) in [(true, false), (false, true)] {
        let answer = cluster.accept_time(v1::AcceptTimeRequest { dry_run }).await.unwrap().into_inner();
        assert_eq!((answer.clocks_ms, answer.ahead_ms, answer.accepted), (90_001_000, 90_000_000, accepted));
    }
    let again = cluster.accept_time(v1::AcceptTimeRequest { dry_run: false }).await.unwrap_err();
    assert_eq!(again.code(), Code::FailedPrecondition);
}

#[tokio::test]
async fn what_is_found_of_health_is_told() {
    let grpc = Grpc::start().await;
    let told = client!(TrafficClient, grpc).health(v1::HealthRequest {}).await.unwrap().into_inner();
    let (channel, region) = (v1::Channel::Sms as i32, "us-east-1".to_owned());
    let expected = v1::HealthResponse {
        mode: "act".into(),
        threshold: 10.0,
        channels: vec![v1::ChannelHealth {
            channel,
            region: region.clone(),
            share_per_mille: 50,
            score: 3.5,
            not_followed: "it is frozen".into(),
            moved_destinations: vec!["+44".into()],
        }],
        findings: vec![v1::HealthFinding {
            time_ms: 7_000,
            channel,
            region,
            destination: "+44".into(),
            advice: v1::HealthAdvice::Shift as i32,
            evidence: "us-east-1 to +44: send errors 5 of 5".into(),
        }],
    };
    assert_eq!(told, expected);
}
