//! Ids of 128 bits, stored as two numbers so that no memory is allocated for them.

use crate::state;

macro_rules! id_of_two_numbers {
    ($($name:ident),+) => {
        $(impl From<state::Id> for model::$name {
            fn from(id: state::Id) -> model::$name {
                model::$name((u128::from(id.high) << 64) | u128::from(id.low))
            }
        })+
    };
}

id_of_two_numbers!(AppId, BodyId, MessageId, RequestId);
