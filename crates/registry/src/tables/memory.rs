//! The tables as ordered maps in memory: what tests and dry runs apply commands to.

use std::collections::BTreeMap;

use super::table::{ReadRows, Rows, Table, TableError, WriteRows};

/// The rows of one table.
type Map<T> = BTreeMap<<T as Table>::Key, <T as Table>::Row>;

macro_rules! memory_tables {
    ($($field:ident: $name:ident,)*) => {
        /// One group's tables in memory. Two of them are equal when every row is.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        pub struct MemoryTables {
            $($field: Map<super::$name>,)*
        }

        $(
            impl ReadRows<super::$name> for MemoryTables {
                fn get(&self, key: &<super::$name as Table>::Key) -> Result<Option<<super::$name as Table>::Row>, TableError> {
                    Ok(self.$field.get(key).cloned())
                }

                fn scan(
                    &self,
                    from: &<super::$name as Table>::Key,
                    limit: usize,
                ) -> Result<Rows<super::$name>, TableError> {
                    Ok(self.$field.range(from.clone()..).take(limit).map(|(key, row)| (key.clone(), row.clone())).collect())
                }
            }

            impl WriteRows<super::$name> for MemoryTables {
                fn put(&mut self, key: <super::$name as Table>::Key, row: <super::$name as Table>::Row) {
                    self.$field.insert(key, row);
                }

                fn delete(&mut self, key: &<super::$name as Table>::Key) {
                    self.$field.remove(key);
                }
            }
        )*
    };
}

memory_tables! {
    meta: Meta,
    requests: Requests,
    request_ages: RequestAges,
    follow_ups: FollowUps,
    follow_up_numbers: FollowUpNumbers,
    follow_up_cursors: FollowUpCursors,
    follow_up_counts: FollowUpCounts,
    apps: Apps,
    channels: Channels,
    plans: Plans,
    adopted_plan: AdoptedPlan,
    send_states: AppSendStates,
    deletions: Deletions,
    endpoints: Endpoints,
    users: Users,
    user_endpoints: UserEndpoints,
    address_endpoints: AddressEndpoints,
    blocked_keys: BlockedKeys,
    former_places: FormerPlaces,
    deleted_endpoints: DeletedEndpoints,
    ban_counts: BanCounts,
    opt_outs: OptOuts,
    listed_opt_outs: ListedOptOuts,
    blocks: Blocks,
    bodies: Bodies,
    pieces: Pieces,
    open_bodies: OpenBodies,
    open_body_ages: OpenBodyAges,
    messages: Messages,
    progress_of: ProgressOf,
    outbox: Outbox,
    expiries: Expiries,
    claims: Claims,
    held: Held,
    events: Events,
    deleted_endpoint_ages: DeletedEndpointAges,
    retirements: Retirements,
    traces: Traces,
    trace_ages: TraceAges,
    accounting_of: AccountingOf,
    incarnations: Incarnations,
}
