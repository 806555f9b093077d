//! The list of tables, and the traits that stand for reading and writing all of them.

use model::accounting::Accounting;
use model::address::AddressKey;
use model::app::{App, AppSendState, ChannelSettings};
use model::body::{OpenBody, Piece};
use model::channel::Channel;
use model::command::FollowUpAction;
use model::endpoint::{Attributes, Endpoint, FormerPlace};
use model::event::Event;
use model::id::{
    AppId, BodyId, EndpointId, Epoch, GroupId, Incarnation, MessageId, NodeId, RegionId, RequestId, UserId,
};
use model::message::{Body, Message, Progress, Trace};
use model::opt_out::{Block, ListedOptOut, OptOut, OptOutList};
use model::plan::TrafficPlan;
use model::rows::{DeletedEndpoint, Deletion, GroupMeta, OutboxRow, RequestRow};
use model::time::Timestamp;

use super::table::{ReadRows, Table, WriteRows};

macro_rules! tables {
    ($($(#[$doc:meta])* $id:literal $name:ident: $key:ty => $row:ty;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            pub struct $name;

            impl Table for $name {
                const ID: u8 = $id;
                const NAME: &'static str = stringify!($name);
                type Key = $key;
                type Row = $row;
            }
        )*

        /// Reading every table of a group. Object safe, so that listeners and duties need not know the store.
        pub trait View: $(ReadRows<$name> +)* {}

        impl<X> View for X where X: $(ReadRows<$name> +)* {}

        /// Reading and writing every table of a group: what applying a command needs.
        pub trait Tables: View $(+ WriteRows<$name>)* {}

        impl<X> Tables for X where X: View $(+ WriteRows<$name>)* {}

        /// Calls a macro with every table: `(id, name, key, row)`.
        #[macro_export]
        macro_rules! for_each_table {
            ($callback:ident) => { $( $callback!($id, $name); )* };
        }
    };
}

tables! {
    /// The single row that a group keeps of itself.
    1 Meta: () => GroupMeta;
    /// Answers to request ids.
    2 Requests: RequestId => RequestRow;
    /// Request ids by age.
    3 RequestAges: (Timestamp, RequestId) => ();
    /// What other groups must still do, by target and number.
    4 FollowUps: (GroupId, u64) => FollowUpAction;
    /// The last number given to a follow-up for a target.
    5 FollowUpNumbers: GroupId => u64;
    /// The number of the last follow-up applied from a source.
    6 FollowUpCursors: GroupId => u64;
    /// How many follow-ups wait for a target; no row for none.
    7 FollowUpCounts: GroupId => u64;

    /// Control: the apps.
    10 Apps: AppId => App;
    /// Control: the channels of apps.
    11 Channels: (AppId, Channel) => ChannelSettings;
    /// Control: every plan; the one of the largest epoch is current.
    12 Plans: Epoch => TrafficPlan;

    /// The single row with the plan that the partition routes by.
    20 AdoptedPlan: () => TrafficPlan;
    /// What the partition knows of apps.
    21 AppSendStates: AppId => AppSendState;
    /// Deleted apps whose data is still being removed.
    22 Deletions: AppId => Deletion;
    /// Endpoints.
    23 Endpoints: (AppId, EndpointId) => Endpoint;
    /// Attributes of users.
    24 Users: (AppId, UserId) => Attributes;
    /// The endpoints of users.
    25 UserEndpoints: (AppId, UserId, EndpointId) => ();
    /// The endpoint that is active at an address.
    26 AddressEndpoints: (AppId, Channel, AddressKey) => EndpointId;
    /// The blocks that this group's endpoints have put, here or in other partitions; kept after an endpoint is gone,
    /// because its block stands.
    27 BlockedKeys: (AppId, EndpointId, AddressKey) => Block;
    /// Where endpoints were; at most [`FORMER_PLACES_MAX`](model::endpoint::FORMER_PLACES_MAX) each.
    28 FormerPlaces: (AppId, EndpointId, AddressKey) => FormerPlace;

    /// How many opt-outs (an app's and listed ones) and blocks a recipient has, over all apps; no row for none, which is
    /// nearly everybody.
    29 BanCounts: AddressKey => u64;
    /// Recipients who opted out.
    30 OptOuts: (AppId, AddressKey, Channel) => OptOut;
    /// What endpoints forbid.
    31 Blocks: (AppId, AddressKey, EndpointId) => Block;
    /// Bodies that messages share.
    32 Bodies: (AppId, BodyId) => Body;
    /// Messages as accepted.
    33 Messages: MessageId => Message;
    /// How far messages got.
    34 ProgressOf: MessageId => Progress;
    /// Waiting messages by region and due time.
    35 Outbox: (RegionId, Timestamp, MessageId) => OutboxRow;
    /// Waiting messages by the time at which they expire. A held one is not here: it waits for a decision.
    36 Expiries: (Timestamp, MessageId) => ();
    /// Claims by holder: of waiting messages, and of held ones whose holder may still say what came of them.
    37 Claims: (NodeId, Incarnation, MessageId) => ();
    /// Held messages by app.
    38 Held: (AppId, MessageId) => ();
    /// Events in the order of their recording.
    39 Events: u64 => Event;
    /// Deleted endpoints by the time at which they were deleted.
    40 DeletedEndpointAges: (Timestamp, AppId, EndpointId) => ();
    /// Settled messages by the time at which they were settled.
    41 Retirements: (Timestamp, MessageId) => ();
    /// Counts of messages by app.
    42 AccountingOf: AppId => Accounting;
    /// The last incarnation of each node that the group was told of; claims of earlier ones are worth nothing.
    43 Incarnations: NodeId => Incarnation;
    /// Telephone numbers in opt-out lists.
    44 ListedOptOuts: (OptOutList, AddressKey) => ListedOptOut;
    /// Whom messages went to that were retired.
    45 Traces: MessageId => Trace;
    /// The same messages by the time at which they were settled.
    46 TraceAges: (Timestamp, MessageId) => ();
    /// Where messages to endpoints were decided that were deleted lately.
    47 DeletedEndpoints: (AppId, EndpointId) => DeletedEndpoint;
    /// The pieces of bodies that are larger than a command may be: of open ones, and of those in [`Bodies`].
    48 Pieces: (AppId, BodyId, u32) => Piece;
    /// Bodies whose pieces come in; they go when messages are accepted with them.
    49 OpenBodies: (AppId, BodyId) => OpenBody;
    /// The same bodies by the time at which the first piece came.
    50 OpenBodyAges: (Timestamp, AppId, BodyId) => ();
}
