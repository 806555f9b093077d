//! Any endpoint, and any change of one.

use std::collections::BTreeMap;

use model::endpoint::{Demographic, EndpointOptOut, EndpointStatus, FormerGroup, Location, Metric, Target, UserLink};
use model::reading::{GivenAddress, Reading};
use model::rows::DeletedEndpoint;
use model::*;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::values::{
    app_id, channel, endpoint_id, given_text, group, key, lists, request_id, revision, some_text, text, time, user_id,
};

fn target() -> impl Strategy<Value = Target> {
    let address = given_text().prop_map(Address::from_stored);
    (channel(), address, key(), some_text()).prop_map(|(channel, address, key, written)| Target {
        channel,
        address,
        key,
        written,
    })
}

fn metrics() -> impl Strategy<Value = BTreeMap<String, Metric>> {
    let metric = prop_oneof![Just(0.0), Just(-0.0), any::<f64>()].prop_filter_map("finite", Metric::new);
    btree_map(text(), metric, 0..3)
}

fn demographic() -> BoxedStrategy<Demographic> {
    (some_text(), some_text(), some_text(), some_text(), (some_text(), some_text(), some_text(), some_text()))
        .prop_map(|(app_version, locale, make, model, (model_version, platform, platform_version, timezone))| {
            Demographic { app_version, locale, make, model, model_version, platform, platform_version, timezone }
        })
        .boxed()
}

fn location() -> BoxedStrategy<Location> {
    let tenths = || of(prop_oneof![Just(0), Just(i32::MIN), any::<i32>()]);
    (some_text(), some_text(), some_text(), some_text(), tenths(), tenths())
        .prop_map(|(city, country, postal_code, region, latitude_tenths, longitude_tenths)| Location {
            city,
            country,
            postal_code,
            region,
            latitude_tenths,
            longitude_tenths,
        })
        .boxed()
}

fn endpoint_status() -> impl Strategy<Value = EndpointStatus> {
    select(vec![EndpointStatus::Active, EndpointStatus::Inactive])
}

fn endpoint_opt_out() -> impl Strategy<Value = EndpointOptOut> {
    select(vec![EndpointOptOut::None, EndpointOptOut::All])
}

fn former() -> BoxedStrategy<Vec<FormerGroup>> {
    vec((group(), time()).prop_map(|(group, left)| FormerGroup { group, left }), 0..3).boxed()
}

pub(crate) fn deleted_endpoint() -> BoxedStrategy<DeletedEndpoint> {
    (former(), time()).prop_map(|(former, deleted)| DeletedEndpoint { former, deleted }).boxed()
}

pub(crate) fn endpoint() -> BoxedStrategy<Endpoint> {
    let ids = (app_id(), endpoint_id(), text(), of(user_id()), request_id(), lists(), former());
    let values = (of(target()), lists(), metrics(), demographic(), location());
    let states = (endpoint_status(), endpoint_opt_out(), time(), text(), 0..=99_u8, revision());
    (ids, values, states)
        .prop_map(|(ids, values, states)| {
            let (app, id, display_id, user, request, awaiting_user, former) = ids;
            let (target, attributes, metrics, demographic, location) = values;
            let (status, opt_out, created, effective, cohort, revision) = states;
            Endpoint {
                app,
                id,
                display_id,
                target,
                attributes,
                metrics,
                demographic,
                location,
                status,
                opt_out,
                user,
                awaiting_user,
                created,
                effective,
                request,
                cohort,
                revision,
                former,
            }
        })
        .boxed()
}

fn given_address() -> impl Strategy<Value = GivenAddress> {
    let reading = prop_oneof![
        text().prop_map(Reading::Telephone),
        (text(), text(), text()).prop_map(|(local, folded, domain)| Reading::Mailbox { local, folded, domain }),
        text().prop_map(Reading::Token),
        text().prop_map(Reading::Custom),
    ];
    (text(), vec(reading, 0..4)).prop_map(|(written, readings)| GivenAddress { written, readings })
}

pub(super) fn patch() -> BoxedStrategy<EndpointPatch> {
    let user = prop_oneof![user_id().prop_map(UserLink::To), Just(UserLink::Nobody)];
    let values = (of(channel()), of(given_address()), lists(), metrics(), demographic(), location());
    (values, of(endpoint_status()), of(endpoint_opt_out()), of(user), lists(), some_text())
        .prop_map(
            |(
                (channel, address, attributes, metrics, demographic, location),
                status,
                opt_out,
                user,
                user_attributes,
                effective,
            )| {
                EndpointPatch {
                    channel,
                    address,
                    attributes,
                    metrics,
                    demographic,
                    location,
                    status,
                    opt_out,
                    user,
                    user_attributes,
                    effective,
                }
            },
        )
        .boxed()
}
