//! Any interleaving of patches leaves what the members that they name say, each the last one in the order of the log.

use std::collections::BTreeMap;

use model::channel::Channel;
use model::endpoint::{
    Attributes, Demographic, Endpoint, EndpointOptOut, EndpointPatch, EndpointStatus, Location, Metric, UserLink,
};
use model::id::UserId;
use model::outcome::Outcome;
use model::reading::GivenAddress;
use proptest::collection::{btree_map, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::world::*;
use crate::tables::{Endpoints, RowAccess, Users};

const ENDPOINTS: usize = 3;

proptest! {
    #[test]
    fn patches_amount_to_their_members_in_log_order(patches in vec((0..ENDPOINTS, patch()), 1..40)) {
        let mut world = World::new();
        let mut said = Said::default();
        for (endpoint, patch) in patches {
            let id = format!("e{endpoint}");
            let patch = EndpointPatch { address: patch.address.map(|address| GivenAddress::normal(&format!("{}-{id}", address.written))), ..patch };
            let outcome = world.upsert(&id, patch.clone());
            let whole = said.endpoints.get(&id).cloned().unwrap_or_default().joined(&patch);
            if whole.channel.is_some() != whole.address.is_some() {
                prop_assert!(matches!(outcome, Outcome::Refused(_)), "{:?}", outcome);
            } else {
                prop_assert!(matches!(outcome, Outcome::Endpoint { .. }), "{:?}", outcome);
                said.note(id, &patch);
            }
        }
        prop_assert_eq!(Said::stored(&world), said);
    }

    #[test]
    fn patches_of_different_members_may_come_in_any_order(left in patch(), right in patch()) {
        let right = without(right, &left);
        let both = |first: &EndpointPatch, second: &EndpointPatch| {
            let mut world = World::new();
            world.endpoint("e", at(&target(Channel::Gcm, "token")));
            world.endpoint("e", first.clone());
            world.endpoint("e", second.clone());
            Said::stored(&world)
        };
        prop_assert_eq!(both(&left, &right), both(&right, &left));
    }
}

/// What an endpoint was told, member by member.
#[derive(Debug, Clone, Default, PartialEq)]
struct Members {
    channel: Option<Channel>,
    address: Option<String>,
    attributes: Attributes,
    metrics: BTreeMap<String, Metric>,
    make: Option<String>,
    model: Option<String>,
    city: Option<String>,
    opt_out: Option<EndpointOptOut>,
    user: Option<UserId>,
}

impl Members {
    fn joined(mut self, patch: &EndpointPatch) -> Members {
        self.channel = patch.channel.or(self.channel);
        self.address = patch.address.clone().map(|address| address.written).or(self.address);
        self
    }

    fn of(endpoint: Endpoint) -> Members {
        let (channel, address) =
            endpoint.target.map(|target| (target.channel, target.address.as_str().to_owned())).unzip();
        Members {
            channel,
            address,
            attributes: endpoint.attributes,
            metrics: endpoint.metrics,
            make: endpoint.demographic.make,
            model: endpoint.demographic.model,
            city: endpoint.location.city,
            opt_out: Some(endpoint.opt_out),
            user: endpoint.user,
        }
    }
}

/// What endpoints and users were told.
#[derive(Debug, Default, PartialEq)]
struct Said {
    endpoints: BTreeMap<String, Members>,
    users: BTreeMap<UserId, Attributes>,
    /// What endpoints without a user were told of theirs.
    awaiting: BTreeMap<String, Attributes>,
}

impl Said {
    fn note(&mut self, id: String, patch: &EndpointPatch) {
        let members = self.endpoints.remove(&id).unwrap_or_default().joined(patch);
        let mut members = Members {
            make: patch.demographic.make.clone().or(members.make),
            model: patch.demographic.model.clone().or(members.model),
            city: patch.location.city.clone().or(members.city),
            opt_out: patch.opt_out.or(members.opt_out).or(Some(EndpointOptOut::None)),
            user: match &patch.user {
                Some(UserLink::To(user)) => Some(user.clone()),
                Some(UserLink::Nobody) => None,
                None => members.user,
            },
            ..members
        };
        members.metrics.extend(patch.metrics.clone());
        change(&mut members.attributes, patch.attributes.clone());
        let mut awaiting = self.awaiting.remove(&id).unwrap_or_default();
        awaiting.extend(patch.user_attributes.clone());
        match &members.user {
            Some(user) => change(self.users.entry(user.clone()).or_default(), awaiting),
            None => drop(self.awaiting.insert(id.clone(), awaiting)),
        }
        self.users.retain(|_, attributes| !attributes.is_empty());
        self.awaiting.retain(|_, attributes| !attributes.is_empty());
        self.endpoints.insert(id, members);
    }

    fn stored(world: &World) -> Said {
        let mut said = Said::default();
        let tables = world.tables(home());
        let first = (APP, endpoint_id("a"));
        for ((_, id), endpoint) in tables.rows_while::<Endpoints>(&first, usize::MAX, |_| true).unwrap() {
            assert_eq!(endpoint.status, EndpointStatus::Active);
            if !endpoint.awaiting_user.is_empty() {
                said.awaiting.insert(id.to_string(), endpoint.awaiting_user.clone());
            }
            said.endpoints.insert(id.to_string(), Members::of(endpoint));
        }
        let first = (APP, UserId::from_stored(""));
        for ((_, user), attributes) in tables.rows_while::<Users>(&first, usize::MAX, |_| true).unwrap() {
            said.users.insert(user, attributes);
        }
        said
    }
}

fn change(attributes: &mut Attributes, newer: Attributes) {
    for (name, values) in newer {
        match values.is_empty() {
            true => drop(attributes.remove(&name)),
            false => drop(attributes.insert(name, values)),
        }
    }
}

/// Takes out of a patch what another one names too.
fn without(patch: EndpointPatch, other: &EndpointPatch) -> EndpointPatch {
    fn unless<T>(value: Option<T>, named: bool) -> Option<T> {
        value.filter(|_| !named)
    }
    let rest = |mut attributes: Attributes, named: &Attributes| {
        attributes.retain(|name, _| !named.contains_key(name));
        attributes
    };
    let mut metrics = patch.metrics;
    metrics.retain(|name, _| !other.metrics.contains_key(name));
    EndpointPatch {
        channel: unless(patch.channel, other.channel.is_some()),
        address: unless(patch.address, other.address.is_some()),
        attributes: rest(patch.attributes, &other.attributes),
        metrics,
        demographic: Demographic {
            make: unless(patch.demographic.make, other.demographic.make.is_some()),
            model: unless(patch.demographic.model, other.demographic.model.is_some()),
            ..Demographic::default()
        },
        location: Location { city: unless(patch.location.city, other.location.city.is_some()), ..Location::default() },
        opt_out: unless(patch.opt_out, other.opt_out.is_some()),
        // Leaving a user is said of the one that the endpoint has: before or after its attributes isn't the same.
        user: unless(patch.user, other.user.is_some()).filter(|link| *link != UserLink::Nobody),
        user_attributes: rest(patch.user_attributes, &other.user_attributes),
        ..EndpointPatch::default()
    }
}

/// Any patch of tokens' endpoints; the channels that it names take any address.
fn patch() -> impl Strategy<Value = EndpointPatch> {
    let word = || select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let lists = || btree_map(word(), vec(word(), 0..3), 0..3);
    let link = prop_oneof![
        Just(UserLink::Nobody),
        select(vec!["u", "v"]).prop_map(|name| UserLink::To(UserId::new(name).unwrap())),
    ];
    let address = word().prop_map(|word| GivenAddress::normal(&word));
    let target = (of(select(vec![Channel::Gcm, Channel::Apns, Channel::Adm])), of(address));
    let values = (lists(), btree_map(word(), (0..4_u32).prop_map(|n| Metric::new(n.into()).unwrap()), 0..2));
    let opt_out = of(select(vec![EndpointOptOut::None, EndpointOptOut::All]));
    (target, values, (of(word()), of(word()), of(word())), opt_out, (of(link), lists())).prop_map(
        |((channel, address), (attributes, metrics), (make, model, city), opt_out, (user, user_attributes))| {
            EndpointPatch {
                channel,
                address,
                attributes,
                metrics,
                demographic: Demographic { make, model, ..Demographic::default() },
                location: Location { city, ..Location::default() },
                opt_out,
                user,
                user_attributes,
                ..EndpointPatch::default()
            }
        },
    )
}
