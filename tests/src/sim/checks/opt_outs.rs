//! When an opt-out may stand and when it surely does, by what was asked and when it was answered. Whatever takes effect
//! does so between the two; without an answer, at any time after it was asked.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use crate::sim::faults::Tick;
use crate::sim::operations::{Asked, By, Operation};

/// What was asked about addresses.
pub(super) struct OptOuts<'a>(BTreeMap<&'a str, Vec<Change<'a>>>);

struct Change<'a> {
    operation: &'a Operation,
    by: By,
    out: bool,
}

impl<'a> OptOuts<'a> {
    /// Gathers what was asked.
    pub(super) fn of(evidence: &Evidence<'a>) -> OptOuts<'a> {
        let mut changes: BTreeMap<&str, Vec<Change<'a>>> = BTreeMap::new();
        for operation in &evidence.records.operations {
            let (address, by, out) = match &operation.asked {
                Asked::OptOut { address, by } => (address, *by, true),
                Asked::OptIn { address, by } => (address, *by, false),
                _ => continue,
            };
            changes.entry(address).or_default().push(Change { operation, by, out });
        }
        OptOuts(changes)
    }

    /// Says since when an opt-out of an address is acknowledged that surely stands from one time to another: nothing
    /// that was asked before the end can have come after it and taken it back.
    pub(super) fn surely(&self, address: &str, from: Tick, to: Tick) -> Option<Tick> {
        let changes = self.0.get(address)?;
        let standing = changes.iter().filter(|change| change.out).filter_map(|opt_out| {
            let since = opt_out.operation.done().filter(|at| *at < from)?;
            let taken_back = changes.iter().any(|change| {
                let until = change.operation.may_happen_until();
                let after = until.is_some_and(|until| until >= opt_out.operation.from);
                !change.out && change.by == opt_out.by && after && change.operation.from <= to
            });
            (!taken_back).then_some(since)
        });
        standing.min()
    }

    /// Says whether an opt-out of an address may stand at some time between two.
    pub(super) fn possibly(&self, address: &str, from: Tick, to: Tick) -> bool {
        let Some(changes) = self.0.get(address) else { return false };
        changes.iter().filter(|change| change.out).any(|opt_out| {
            let taken_back = changes.iter().any(|change| {
                let later = opt_out.operation.done().is_some_and(|at| at < change.operation.from);
                let before = change.operation.done().is_some_and(|at| at < from);
                !change.out && change.by == opt_out.by && later && before
            });
            opt_out.operation.may_happen_until().is_some() && opt_out.operation.from <= to && !taken_back
        })
    }
}
