//! The numbers that stand for the model's enums on the wire and in rows; never reused.

use crate::{state, v1};

/// An enum of the model that travels as a number; 0 means that it is not given.
pub(crate) trait Coded: Sized + Copy {
    /// The enum's name in error messages.
    const NAME: &'static str;

    /// Returns the number of this value.
    fn wire_code(self) -> i32;

    /// Returns the value of a number, or nothing when none has it.
    fn from_wire_code(code: i32) -> Option<Self>;
}

macro_rules! coded {
    ($package:ident::$name:ident, $model:path, [$($variant:ident),+]) => {
        impl Coded for $model {
            const NAME: &'static str = stringify!($name);

            fn wire_code(self) -> i32 {
                match self {
                    $(Self::$variant => $package::$name::$variant as i32),+
                }
            }

            fn from_wire_code(code: i32) -> Option<Self> {
                match $package::$name::try_from(code).ok()? {
                    $package::$name::Unspecified => None,
                    $($package::$name::$variant => Some(Self::$variant)),+
                }
            }
        }
    };
}

coded!(
    v1::Channel,
    model::Channel,
    [Email, Sms, Voice, Gcm, Apns, ApnsSandbox, ApnsVoip, ApnsVoipSandbox, Adm, Baidu, Push, Custom, InApp]
);
coded!(v1::Class, model::Class, [AtLeastOnce, AtMostOnce]);
coded!(v1::Purpose, model::content::Purpose, [Transactional, Promotional]);
coded!(v1::Status, model::Status, [Waiting, Held, Delivered, Failed, OptedOut, Expired]);
coded!(
    v1::EventKind,
    model::EventKind,
    [
        Sent,
        Retried,
        Failed,
        OptedOut,
        Expired,
        Held,
        Delivered,
        HardBounce,
        SoftBounce,
        Complaint,
        Unsubscribed,
        Undelivered
    ]
);
coded!(v1::EndpointStatus, model::endpoint::EndpointStatus, [Active, Inactive]);
coded!(v1::EndpointOptOut, model::endpoint::EndpointOptOut, [None, All]);
coded!(v1::OptOutSource, model::opt_out::OptOutSource, [Request, Reply, Unsubscribe, Complaint, HardBounce]);
coded!(state::BlockReason, model::opt_out::BlockReason, [OptedOut, Inactive, Deleted]);
coded!(v1::Mode, model::plan::Mode, [ActiveActive, WarmStandby]);
coded!(v1::RegionState, model::plan::RegionState, [Active, Standby, Evacuated]);
coded!(v1::RegionKind, model::cluster::RegionKind, [Serving, Witness]);
coded!(v1::Resolution, model::command::Resolution, [Resend, GiveUp, Delivered]);

#[cfg(test)]
mod tests {
    use model::channel::CHANNELS;
    use model::event::EVENT_KINDS;
    use model::{Channel, EventKind};

    use super::Coded;

    #[test]
    fn channels_and_kinds_have_the_codes_of_the_model() {
        for channel in CHANNELS {
            assert_eq!(Coded::wire_code(channel), i32::from(Channel::code(channel)));
        }
        for (kind, code, _) in EVENT_KINDS {
            assert_eq!(Coded::wire_code(kind), i32::from(code));
        }
    }

    #[test]
    fn numbers_that_stand_for_nothing_are_refused() {
        for code in [i32::MIN, -1, 0, 14, i32::MAX] {
            assert_eq!(<Channel as Coded>::from_wire_code(code), None);
            assert_eq!(<EventKind as Coded>::from_wire_code(code), None);
        }
    }
}
