//! Rows, proposals and outcomes: there and back, byte for byte as the generated encoder writes them, and refused when
//! they are not what was written.

mod refusals;
mod snapshots;
pub(crate) mod strategies;

use std::fmt::Debug;

use model::endpoint::Attributes;
use proptest::prelude::*;
use prost::Message as _;
use strategies as any_of;

use super::{Form, Stored};

/// Checks that a value comes back, and that its bytes are the canonical ones of its generated message.
fn check<T: Form + PartialEq + Debug>(value: &T) -> Result<(), TestCaseError> {
    let bytes = value.encoded();
    let generated = T::Generated::decode(bytes.as_slice()).map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(&generated.encode_to_vec(), &bytes);
    let decoded = T::decode(&bytes);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rows_of_the_control_group_come_back(
        app in any_of::app(), settings in any_of::channel_settings(), plan in any_of::plan(), node in any_of::node(),
    ) {
        check(&app)?;
        check(&settings)?;
        check(&plan)?;
        check(&node)?;
    }

    #[test]
    fn rows_about_recipients_come_back(
        send_state in any_of::app_send_state(), endpoint in any_of::endpoint(), attributes in any_of::lists(),
        opt_out in any_of::opt_out(), block in any_of::block(), former in any_of::former_place(),
        listed in any_of::listed_opt_out(), deletion in any_of::deletion(), trace in any_of::trace(),
        deleted in any_of::deleted_endpoint(),
    ) {
        check(&deletion)?;
        check(&trace)?;
        check(&former)?;
        check(&listed)?;
        check(&deleted)?;
        check(&send_state)?;
        check(&endpoint)?;
        check::<Attributes>(&attributes)?;
        check(&opt_out)?;
        check(&block)?;
        prop_assert_eq!(Stored::decode(&endpoint.id.encoded()), Ok(endpoint.id));
    }

    #[test]
    fn rows_about_messages_come_back(
        body in any_of::body(), message in any_of::message(), progress in any_of::progress(),
        outbox_row in any_of::outbox_row(), event in any_of::event(), piece in any_of::piece(),
        open in any_of::open_body(),
    ) {
        check(&piece)?;
        check(&open)?;
        check(&body)?;
        check(&message)?;
        check(&progress)?;
        check(&outbox_row)?;
        check(&event)?;
    }

    #[test]
    fn rows_about_the_group_come_back(
        accounting in any_of::accounting(), meta in any_of::group_meta(), request in any_of::request_row(),
        action in any_of::follow_up_action(), number in any::<u64>(),
    ) {
        check(&accounting)?;
        check(&meta)?;
        check(&request)?;
        check(&action)?;
        prop_assert_eq!(<u64 as Stored>::decode(&Stored::encoded(&number)), Ok(number));
        prop_assert_eq!(<() as Stored>::decode(&Stored::encoded(&())), Ok(()));
    }

    #[test]
    fn proposals_come_back(proposal in any_of::proposal()) {
        check(&proposal)?;
    }

    #[test]
    fn outcomes_come_back(outcome in any_of::outcome()) {
        check(&outcome)?;
    }

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>()) {
        let _ = model::Proposal::decode(&bytes);
        let _ = model::Message::decode(&bytes);
        let _ = model::Outcome::decode(&bytes[..cut.index(bytes.len() + 1)]);
    }

    #[test]
    fn a_cut_proposal_is_not_taken_for_another(proposal in any_of::proposal(), cut in any::<prop::sample::Index>()) {
        let bytes = proposal.encoded();
        let cut = &bytes[..cut.index(bytes.len())];
        prop_assert_ne!(model::Proposal::decode(cut), Ok(proposal));
    }
}
