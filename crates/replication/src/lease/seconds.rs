//! What this node and the others counted of their sending, as it travels with the lease calls: a second is told to each
//! node until it acknowledges it, or newer ones have taken its place.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use model::channel::Channel;
use model::id::{AppId, NodeId};
use model::{Destination, Incarnation};
use traffic::health::CellCounts;
use traffic::observed::{CELLS_MAX, CellKey, CellSecond, NodeSecond, Reporter};
use wire::peer::{CountedCell, CountedSecond};

/// How many of its own seconds a node keeps for others that didn't acknowledge them.
const OWN_MAX: usize = 10;
/// How many seconds one call tells at most.
const TOLD_MAX: usize = 3;
/// How many seconds of others wait to be taken at most; then the oldest are lost.
const HEARD_MAX: usize = 1_000;

/// The seconds. Bounded by their limits and the number of nodes.
#[derive(Default)]
pub(crate) struct Seconds(Mutex<State>);

#[derive(Default)]
struct State {
    own: VecDeque<NodeSecond>,
    /// Up to where each other node has this one's seconds.
    acknowledged: BTreeMap<NodeId, u64>,
    heard: VecDeque<(Reporter, NodeSecond)>,
    /// Up to where each other node was heard, in which incarnation.
    latest: BTreeMap<NodeId, (Incarnation, u64)>,
}

impl Seconds {
    /// Takes what this node counted.
    pub(crate) fn tell(&self, second: NodeSecond) {
        let mut state = self.lock();
        state.own.push_back(second);
        let over = state.own.len().saturating_sub(OWN_MAX);
        state.own.drain(..over);
    }

    /// Returns what a node is to be told with the next call.
    pub(crate) fn untold(&self, to: NodeId) -> Vec<CountedSecond> {
        let state = self.lock();
        let until = state.acknowledged.get(&to).copied().unwrap_or_default();
        state.own.iter().filter(|own| own.second > until).take(TOLD_MAX).map(second_out).collect()
    }

    /// Takes note of what a node has.
    pub(crate) fn acknowledged(&self, by: NodeId, until: u64) {
        self.lock().acknowledged.insert(by, until);
    }

    /// Takes what a node told, each second once. Returns the latest second of it that is known here.
    pub(crate) fn hear(&self, from: &Reporter, counted: &[CountedSecond]) -> u64 {
        let mut state = self.lock();
        let (incarnation, mut latest) = state.latest.get(&from.node).copied().unwrap_or_default();
        if from.incarnation < incarnation {
            return latest;
        }
        for second in counted.iter().take(TOLD_MAX).filter_map(second_in) {
            if second.second > latest {
                latest = second.second;
                state.heard.push_back((from.clone(), second));
            }
        }
        state.latest.insert(from.node, (from.incarnation, latest));
        let over = state.heard.len().saturating_sub(HEARD_MAX);
        state.heard.drain(..over);
        latest
    }

    /// Returns what was heard since the last time.
    pub(crate) fn heard(&self) -> Vec<(Reporter, NodeSecond)> {
        self.lock().heard.drain(..).collect()
    }

    /// Forgets a node that was removed.
    pub(crate) fn forget(&self, node: NodeId) {
        let mut state = self.lock();
        state.acknowledged.remove(&node);
        state.latest.remove(&node);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn second_out(second: &NodeSecond) -> CountedSecond {
    let NodeSecond { second, cells, missed_events } = second;
    CountedSecond { second: *second, cells: cells.iter().map(cell_out).collect(), missed_events: *missed_events }
}

fn cell_out(cell: &CellSecond) -> CountedCell {
    let CellCounts { sends, errors, throttled, rejected, events, late } = cell.counts;
    CountedCell {
        channel: u32::from(cell.key.channel.code()),
        destination: cell.key.destination.as_str().to_owned(),
        app: cell.key.app.map(|app| Bytes::copy_from_slice(&app.0.to_be_bytes())).unwrap_or_default(),
        sends,
        errors,
        throttled,
        rejected,
        events,
        late,
        ages: if events == 0 { Vec::new() } else { cell.ages.to_vec() },
    }
}

/// Reads a second. One that no node would tell is left out: the lease call that it came with is not to fail for it.
fn second_in(second: &CountedSecond) -> Option<NodeSecond> {
    if second.cells.len() > CELLS_MAX + model::channel::CHANNELS.len() {
        return None;
    }
    let cells = second.cells.iter().map(cell_in).collect::<Option<Vec<_>>>()?;
    Some(NodeSecond { second: second.second, cells, missed_events: second.missed_events })
}

fn cell_in(cell: &CountedCell) -> Option<CellSecond> {
    let channel = u8::try_from(cell.channel).ok().and_then(Channel::from_code)?;
    let app = match &cell.app[..] {
        [] => None,
        bytes => Some(AppId(u128::from_be_bytes(bytes.try_into().ok()?))),
    };
    let key = CellKey { channel, destination: Destination::named(&cell.destination), app };
    let CountedCell { sends, errors, throttled, rejected, events, late, .. } = *cell;
    let counts = CellCounts { sends, errors, throttled, rejected, events, late };
    let ages = match cell.ages.as_slice() {
        [] => Default::default(),
        ages => ages.try_into().ok()?,
    };
    counts.adds_up().then_some(CellSecond { key, counts, ages })
}

#[cfg(test)]
mod tests {
    use model::id::RegionId;
    use proptest::prelude::*;

    use super::*;

    const OTHER: NodeId = NodeId(2);

    fn reporter(incarnation: u64) -> Reporter {
        Reporter::new(OTHER, RegionId::new("b").unwrap(), Incarnation(incarnation))
    }

    fn told(numbers: std::ops::Range<u64>) -> Vec<CountedSecond> {
        numbers.map(|second| CountedSecond { second, ..CountedSecond::default() }).collect()
    }

    fn heard(seconds: &Seconds) -> Vec<u64> {
        seconds.heard().into_iter().map(|(_, second)| second.second).collect()
    }

    #[test]
    fn a_second_is_told_until_it_is_acknowledged() {
        let seconds = Seconds::default();
        (1..=20).for_each(|second| seconds.tell(NodeSecond { second, cells: Vec::new(), missed_events: false }));
        let untold = |to| seconds.untold(to).into_iter().map(|second| second.second).collect::<Vec<_>>();
        assert_eq!(untold(OTHER), [11, 12, 13], "the oldest that are kept");
        assert_eq!(untold(OTHER), [11, 12, 13]);
        seconds.acknowledged(OTHER, 13);
        assert_eq!((untold(OTHER), untold(NodeId(3))), (vec![14, 15, 16], vec![11, 12, 13]));
    }

    #[test]
    fn a_second_is_heard_once_and_an_earlier_start_of_its_node_no_more() {
        let seconds = Seconds::default();
        assert_eq!(seconds.hear(&reporter(1), &told(5..7)), 6);
        assert_eq!(seconds.hear(&reporter(1), &told(5..8)), 7);
        assert_eq!(heard(&seconds), [5, 6, 7]);
        assert_eq!(seconds.hear(&reporter(2), &told(8..9)), 8);
        assert_eq!(seconds.hear(&reporter(1), &told(9..10)), 8);
        assert_eq!(heard(&seconds), [8]);
        seconds.forget(OTHER);
        assert_eq!(seconds.hear(&reporter(1), &told(1..2)), 1, "another node of the same number");
    }

    #[test]
    fn what_is_not_taken_is_bounded() {
        let seconds = Seconds::default();
        for second in 1..=HEARD_MAX as u64 + 10 {
            seconds.hear(&reporter(1), &told(second..second + 1));
        }
        assert_eq!(heard(&seconds).len(), HEARD_MAX);
    }

    #[test]
    fn what_no_node_would_tell_is_left_out() {
        let cell = CountedCell { channel: 2, destination: "+1".to_owned(), sends: 1, ..CountedCell::default() };
        assert!(cell_in(&cell).is_some());
        assert!(cell_in(&CountedCell { channel: 99, ..cell.clone() }).is_none());
        assert!(cell_in(&CountedCell { app: Bytes::from_static(b"1"), ..cell.clone() }).is_none());
        assert!(cell_in(&CountedCell { errors: 2, ..cell.clone() }).is_none());
        assert!(cell_in(&CountedCell { ages: vec![1], ..cell.clone() }).is_none());
        let many = CountedSecond { second: 1, cells: vec![cell; CELLS_MAX + 14], missed_events: false };
        assert!(second_in(&many).is_none());
    }

    proptest! {
        #[test]
        fn counts_survive_the_wire(
            channel in prop::sample::select(model::channel::CHANNELS.to_vec()),
            name in "[a-z.]{1,40}",
            app: Option<u128>,
            counts: [u16; 6],
            missed_events: bool,
            ages: [u32; traffic::health::AGE_BINS],
        ) {
            let [errors, throttled, rejected, more, events, late] = counts.map(u32::from);
            let sends = errors + throttled + rejected + more;
            let counts = CellCounts { sends, errors, throttled, rejected, events, late };
            let ages = if events == 0 { Default::default() } else { ages };
            let key = CellKey { channel, destination: Destination::named(&name), app: app.map(AppId) };
            let second = NodeSecond { second: 7, cells: vec![CellSecond { key, counts, ages }], missed_events };
            prop_assert_eq!(second_in(&second_out(&second)), Some(second));
        }
    }
}
