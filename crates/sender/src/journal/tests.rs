//! Whatever a node does and however its process ends: what the journal calls unbegun did not begin, and on the same boot
//! it knows of everything that did not.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use model::{GroupId, Incarnation, MessageId, Timestamp};
use proptest::prelude::*;

use super::{Begun, Journal, JournalError, JournalFile};

const GROUPS: std::ops::Range<u16> = 1..3;
const MESSAGES: std::ops::Range<u64> = 0..3;
const ATTEMPTS: std::ops::Range<u32> = 1..4;

#[derive(Debug, Clone)]
enum Action {
    Announce(u16),
    Begin(Vec<Begun>),
    Withdraw(Vec<Begun>),
    Settle(Begun),
    Kill,
    LosePower(prop::sample::Index),
    LoseDisk,
}

#[derive(Default)]
struct Memory(Mutex<Vec<u8>>);

impl JournalFile for Memory {
    fn read(&self) -> Result<Vec<u8>, JournalError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), JournalError> {
        *self.0.lock().unwrap() = bytes.to_vec();
        Ok(())
    }

    fn append(&self, bytes: &[u8]) -> Result<(), JournalError> {
        self.0.lock().unwrap().extend(bytes);
        Ok(())
    }
}

/// A node: its journal, and what really happened.
struct Node {
    file: Arc<Memory>,
    journal: Journal,
    boot: u128,
    incarnation: u64,
    /// Where this incarnation claims.
    announced: BTreeSet<GroupId>,
    /// Where an incarnation claimed and what it said on this boot and this disk is whole.
    whole: BTreeSet<(GroupId, u64)>,
    /// What began in an incarnation and has no result.
    open: BTreeSet<(u64, Begun)>,
    /// What began in an incarnation, with or without a result.
    ever: BTreeSet<(u64, Begun)>,
}

impl Node {
    fn new() -> Node {
        let file = Arc::<Memory>::default();
        let journal = Journal::open(Arc::clone(&file) as _, Some(1)).unwrap();
        let (announced, whole) = (BTreeSet::new(), BTreeSet::new());
        let (open, ever) = (BTreeSet::new(), BTreeSet::new());
        Node { file, journal, boot: 1, incarnation: 1, announced, whole, open, ever }
    }

    fn act(&mut self, action: Action) {
        let here = |begun: &Begun| self.announced.contains(&begun.message.group());
        match action {
            Action::Announce(group) => {
                let group = GroupId(group);
                self.journal.announce(group, Incarnation(self.incarnation)).unwrap();
                self.announced.insert(group);
                // What earlier ones claimed there is dealt with.
                self.whole.retain(|(of, _)| *of != group);
                self.open.retain(|(_, begun)| begun.message.group() != group);
                self.whole.insert((group, self.incarnation));
            }
            Action::Begin(begun) if begun.iter().all(here) => {
                self.journal.begin(&begun).unwrap();
                for begun in begun {
                    self.open.retain(|(_, open)| open.message != begun.message);
                    self.open.insert((self.incarnation, begun));
                    self.ever.insert((self.incarnation, begun));
                }
            }
            Action::Withdraw(begun) if begun.iter().all(here) => {
                for begun in &begun {
                    self.open.retain(|(_, open)| open.message != begun.message);
                    self.ever.remove(&(self.incarnation, *begun));
                }
                self.journal.withdraw(begun);
            }
            Action::Settle(begun) if here(&begun) => {
                self.journal.settled(std::iter::once(begun.message));
                self.open.retain(|(_, open)| open.message != begun.message);
            }
            Action::Begin(_) | Action::Withdraw(_) | Action::Settle(_) => {}
            Action::Kill => self.start(),
            Action::LosePower(cut) => {
                let mut bytes = self.file.0.lock().unwrap().clone();
                bytes.truncate(cut.index(bytes.len() + 1));
                self.file.replace(&bytes).unwrap();
                self.boot += 1;
                self.whole.clear();
                self.start();
            }
            Action::LoseDisk => {
                self.file.replace(&[]).unwrap();
                self.whole.clear();
                // The count begins anew.
                self.incarnation = 0;
                self.start();
            }
        }
    }

    fn start(&mut self) {
        self.journal = Journal::open(Arc::clone(&self.file) as _, Some(self.boot)).unwrap();
        self.incarnation += 1;
        self.announced.clear();
    }

    fn check(&self) {
        for (group, incarnation) in GROUPS.flat_map(|group| (1..=self.incarnation).map(move |start| (group, start))) {
            let whole = self.whole.contains(&(GroupId(group), incarnation));
            for begun in MESSAGES.flat_map(|n| ATTEMPTS.map(move |attempt| begun(group, n, attempt))) {
                let unbegun = self.journal.is_unbegun(Incarnation(incarnation), begun);
                let began = self.open.contains(&(incarnation, begun));
                assert!(!(unbegun && began), "{begun:?} began in incarnation {incarnation}");
                // The file may still name what has its result: nobody asks for that.
                let named = self.ever.contains(&(incarnation, begun));
                assert!(unbegun || named || !whole, "{begun:?} did not begin in incarnation {incarnation}");
            }
        }
    }
}

fn begun(group: u16, number: u64, attempt: u32) -> Begun {
    Begun { message: MessageId::new(GroupId(group), Timestamp(1), number), attempt }
}

fn action() -> impl Strategy<Value = Action> {
    let one = || (GROUPS, MESSAGES, ATTEMPTS).prop_map(|(group, number, attempt)| begun(group, number, attempt));
    let some = || prop::collection::vec(one(), 1..3);
    prop_oneof![
        6 => GROUPS.prop_map(Action::Announce),
        8 => some().prop_map(Action::Begin),
        2 => some().prop_map(Action::Withdraw),
        3 => one().prop_map(Action::Settle),
        4 => Just(Action::Kill),
        1 => any::<prop::sample::Index>().prop_map(Action::LosePower),
        1 => Just(Action::LoseDisk),
    ]
}

proptest! {
    #[test]
    fn what_it_calls_unbegun_did_not_begin(actions in prop::collection::vec(action(), 1..60)) {
        let mut node = Node::new();
        for action in actions {
            node.act(action);
            node.check();
        }
    }
}
