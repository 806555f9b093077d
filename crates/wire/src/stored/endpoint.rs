//! Endpoints and their patches.

use std::collections::BTreeMap;

use model::endpoint::{Demographic, FormerGroup, FormerPlace, Location, Metric, Target, UserLink};
use model::reading::GivenAddress;
use model::{Address, AddressKey, AppId, Endpoint, EndpointPatch, RequestId, Revision, Timestamp};

use super::content::lists;
use super::{Form, Writer};
use crate::error::{Flaw, InvalidField};
use crate::read::{Within as _, code, code_if_given, endpoint, group, list, required, text, user};
use crate::state;

/// The largest cohort.
const COHORT_MAX: u8 = 99;

impl Form for Endpoint {
    type Generated = state::Endpoint;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.id(1, self.app.0);
        writer.text(2, self.id.as_str());
        writer.text(3, &self.display_id);
        writer.message_if_given(4, self.target.as_ref());
        writer.lists(5, &self.attributes);
        write_metrics(writer, 6, &self.metrics);
        writer.message(7, &self.demographic);
        writer.message(8, &self.location);
        writer.code(9, self.status);
        writer.code(10, self.opt_out);
        writer.text_if_given(11, self.user.as_ref().map(|user| user.as_str()));
        writer.uint(12, self.created.0);
        writer.text(13, &self.effective);
        writer.id(14, self.request.0);
        writer.uint(15, u64::from(self.cohort));
        writer.uint(16, self.revision.0);
        writer.lists(17, &self.awaiting_user);
        writer.messages(18, &self.former);
    }

    fn read(row: state::Endpoint) -> Result<Endpoint, InvalidField> {
        Ok(Endpoint {
            app: required(row.app, "app").map(AppId::from)?,
            id: endpoint(row.id, "id")?,
            display_id: row.display_id,
            target: row.target.map(Target::read).transpose().within("target")?,
            attributes: lists(row.attributes),
            metrics: read_metrics(row.metrics)?,
            demographic: row.demographic.map(Demographic::read).transpose()?.unwrap_or_default(),
            location: row.location.map(Location::read).transpose()?.unwrap_or_default(),
            status: code(row.status, "status")?,
            opt_out: code(row.opt_out, "opt_out")?,
            user: row.user.map(|id| user(&id, "user")).transpose()?,
            created: Timestamp(row.created_ms),
            effective: row.effective,
            request: required(row.request, "request").map(RequestId::from)?,
            cohort: cohort(row.cohort)?,
            revision: Revision(row.revision),
            awaiting_user: lists(row.awaiting_user),
            former: list(row.former, "former", FormerGroup::read)?,
        })
    }
}

impl Form for EndpointPatch {
    type Generated = state::EndpointPatch;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.code_if_given(1, self.channel);
        writer.message_if_given(2, self.address.as_ref());
        writer.lists(3, &self.attributes);
        write_metrics(writer, 4, &self.metrics);
        writer.message(5, &self.demographic);
        writer.message(6, &self.location);
        writer.code_if_given(7, self.status);
        writer.code_if_given(8, self.opt_out);
        match &self.user {
            Some(UserLink::To(user)) => writer.text_given(9, user.as_str()),
            Some(UserLink::Nobody) => writer.nothing(10),
            None => (),
        }
        writer.lists(11, &self.user_attributes);
        writer.text_if_given(12, self.effective.as_deref());
    }

    fn read(row: state::EndpointPatch) -> Result<EndpointPatch, InvalidField> {
        use state::endpoint_patch::User;
        Ok(EndpointPatch {
            channel: code_if_given(row.channel, "channel")?,
            address: row.address.map(GivenAddress::read).transpose().within("address")?,
            attributes: lists(row.attributes),
            metrics: read_metrics(row.metrics)?,
            demographic: row.demographic.map(Demographic::read).transpose()?.unwrap_or_default(),
            location: row.location.map(Location::read).transpose()?.unwrap_or_default(),
            status: code_if_given(row.status, "status")?,
            opt_out: code_if_given(row.opt_out, "opt_out")?,
            user: match row.user {
                Some(User::ToUser(id)) => Some(UserLink::To(user(&id, "to_user")?)),
                Some(User::ToNobody(state::Nothing {})) => Some(UserLink::Nobody),
                None => None,
            },
            user_attributes: lists(row.user_attributes),
            effective: row.effective,
        })
    }
}

impl Form for FormerGroup {
    type Generated = state::FormerGroup;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.uint(1, u64::from(self.group.0));
        writer.uint(2, self.left.0);
    }

    fn read(row: state::FormerGroup) -> Result<FormerGroup, InvalidField> {
        Ok(FormerGroup { group: group(row.group, "group")?, left: Timestamp(row.left_ms) })
    }
}

impl Form for Target {
    type Generated = state::Target;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.code(1, self.channel);
        writer.text(2, self.address.as_str());
        writer.text(3, self.key.as_str());
        writer.text_if_given(4, self.written.as_deref());
    }

    fn read(row: state::Target) -> Result<Target, InvalidField> {
        Ok(Target {
            channel: code(row.channel, "channel")?,
            address: text(row.address, "address").map(Address::from_stored)?,
            key: text(row.key, "key").map(AddressKey::from_stored)?,
            written: row.written,
        })
    }
}

impl Form for FormerPlace {
    type Generated = state::FormerPlace;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.code(1, self.channel);
        writer.uint(2, self.left.0);
    }

    fn read(row: state::FormerPlace) -> Result<FormerPlace, InvalidField> {
        Ok(FormerPlace { channel: code(row.channel, "channel")?, left: Revision(row.left) })
    }
}

impl Form for Demographic {
    type Generated = state::Demographic;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.text_if_given(1, self.app_version.as_deref());
        writer.text_if_given(2, self.locale.as_deref());
        writer.text_if_given(3, self.make.as_deref());
        writer.text_if_given(4, self.model.as_deref());
        writer.text_if_given(5, self.model_version.as_deref());
        writer.text_if_given(6, self.platform.as_deref());
        writer.text_if_given(7, self.platform_version.as_deref());
        writer.text_if_given(8, self.timezone.as_deref());
    }

    fn read(row: state::Demographic) -> Result<Demographic, InvalidField> {
        Ok(Demographic {
            app_version: row.app_version,
            locale: row.locale,
            make: row.make,
            model: row.model,
            model_version: row.model_version,
            platform: row.platform,
            platform_version: row.platform_version,
            timezone: row.timezone,
        })
    }
}

impl Form for Location {
    type Generated = state::Location;

    fn write(&self, writer: &mut Writer<'_>) {
        writer.text_if_given(1, self.city.as_deref());
        writer.text_if_given(2, self.country.as_deref());
        writer.text_if_given(3, self.postal_code.as_deref());
        writer.text_if_given(4, self.region.as_deref());
        writer.sint_if_given(5, self.latitude_tenths);
        writer.sint_if_given(6, self.longitude_tenths);
    }

    fn read(row: state::Location) -> Result<Location, InvalidField> {
        Ok(Location {
            city: row.city,
            country: row.country,
            postal_code: row.postal_code,
            region: row.region,
            latitude_tenths: row.latitude_tenths,
            longitude_tenths: row.longitude_tenths,
        })
    }
}

fn write_metrics(writer: &mut Writer<'_>, field: u32, metrics: &BTreeMap<String, Metric>) {
    for (name, metric) in metrics {
        writer.nested(field, |entry| {
            entry.text(1, name);
            entry.fixed(2, metric.0);
        });
    }
}

fn read_metrics(metrics: BTreeMap<String, u64>) -> Result<BTreeMap<String, Metric>, InvalidField> {
    metrics
        .into_iter()
        .map(|(name, bits)| match Metric::new(f64::from_bits(bits)) {
            Some(metric) => Ok((name, metric)),
            None => Err(InvalidField::new("metrics", Flaw::NotFinite)),
        })
        .collect()
}

fn cohort(found: u32) -> Result<u8, InvalidField> {
    let max = u64::from(COHORT_MAX);
    let too_large = || InvalidField::new("cohort", Flaw::TooLarge { max, found: u64::from(found) });
    u8::try_from(found).ok().filter(|cohort| *cohort <= COHORT_MAX).ok_or_else(too_large)
}
