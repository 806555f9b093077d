//! The numbers that stand for the model's enums on the wire; never reused. The stored and the public contract agree on
//! them, which the compiler checks.

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
    (public $name:ident, $model:path, [$($variant:ident),+]) => {
        coded!($name, $model, [$($variant),+]);

        const _: () = {
            $(assert!(state::$name::$variant as i32 == v1::$name::$variant as i32);)+
        };
    };
    ($name:ident, $model:path, [$($variant:ident),+]) => {
        impl Coded for $model {
            const NAME: &'static str = stringify!($name);

            fn wire_code(self) -> i32 {
                match self {
                    $(Self::$variant => state::$name::$variant as i32),+
                }
            }

            fn from_wire_code(code: i32) -> Option<Self> {
                match state::$name::try_from(code).ok()? {
                    state::$name::Unspecified => None,
                    $(state::$name::$variant => Some(Self::$variant)),+
                }
            }
        }
    };
}

coded!(
    public Channel,
    model::Channel,
    [
        Email, Sms, Voice, Gcm, Apns, ApnsSandbox, ApnsVoip, ApnsVoipSandbox, Adm, Baidu, Push, Custom, InApp
    ]
);
coded!(public Class, model::Class, [AtLeastOnce, AtMostOnce]);
coded!(public Purpose, model::content::Purpose, [Transactional, Promotional]);
coded!(public Status, model::Status, [Waiting, Held, Delivered, Failed, OptedOut, Expired]);
coded!(
    public EventKind,
    model::EventKind,
    [
        Sent, Retried, Failed, OptedOut, Expired, Held, Delivered, HardBounce, SoftBounce, Complaint, Unsubscribed,
        Undelivered
    ]
);
coded!(public EndpointStatus, model::endpoint::EndpointStatus, [Active, Inactive]);
coded!(public EndpointOptOut, model::endpoint::EndpointOptOut, [None, All]);
coded!(public OptOutSource, model::opt_out::OptOutSource, [Request, Reply, Unsubscribe, Complaint, HardBounce]);
coded!(BlockReason, model::opt_out::BlockReason, [OptedOut, Inactive, Deleted]);
coded!(public Mode, model::plan::Mode, [ActiveActive, WarmStandby]);
coded!(public RegionState, model::plan::RegionState, [Active, Standby, Evacuated]);
coded!(public RegionKind, model::cluster::RegionKind, [Serving, Witness]);
coded!(public Resolution, model::command::Resolution, [Resend, GiveUp, Delivered]);

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
