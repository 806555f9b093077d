//! What goes wrong, and how links do: they fail at random, and when it is worst.

use crate::node::{NODES, Role};

use super::World;

/// How much goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Messages that are lost.
    pub loss_per_mille: u32,
    /// Messages that take up to two leases instead of some ticks.
    pub slow_per_mille: u32,
    /// Links that fail per tick, for up to three leases.
    pub cut_per_mille: u32,
    /// Crashes per node and tick.
    pub crash_per_10_000: u32,
    /// Transfers per leader and tick.
    pub transfer_per_10_000: u32,
}

impl World {
    pub(super) fn cut_links(&mut self) {
        if self.dice.chance(self.faults.cut_per_mille, 1_000) {
            let until = self.tick + 20 + self.dice.below(300);
            let (one, other) = (self.dice.below(3) as usize, self.dice.below(4) as usize);
            self.cut(one, |peer| other == NODES || peer == other, until);
        }
        if self.dice.chance(self.faults.cut_per_mille, 1_000) {
            self.ambush();
        }
    }

    fn cut(&mut self, one: usize, others: impl Fn(usize) -> bool, until: u64) {
        for peer in (0..NODES).filter(|peer| others(*peer)) {
            self.cut_until[one][peer] = until;
            self.cut_until[peer][one] = until;
        }
    }

    /// What is worst for a leader: to be cut off from the others or one of them while another is elected at once, by
    /// itself, by a transfer, or with the vote of a node that has just restarted.
    fn ambush(&mut self) {
        let leader = (0..NODES).find(|node| self.nodes[*node].up && matches!(self.nodes[*node].role, Role::Leader(_)));
        let Some(leader) = leader else { return };
        let rival = (leader + 1 + self.dice.below(2) as usize) % NODES;
        let third = NODES - leader - rival;
        let until = self.tick + 100 + self.dice.below(200);
        let (kind, spared) = (self.dice.below(3), self.dice.below(3));
        if kind == 0 {
            let now = self.now(leader);
            self.transfer(leader, rival, now);
        }
        if kind == 1 && self.faults.crash_per_10_000 > 0 {
            for node in [rival, third] {
                self.nodes[node].up = false;
                self.start_at[node] = self.tick + 1;
            }
        }
        self.cut(leader, |peer| peer == rival || spared > 0, until);
        let (now, up) = (self.now(rival), self.nodes[rival].up);
        if up && kind != 0 && !self.nodes[rival].voter.refuses(now) {
            self.campaign(rival);
        }
    }
}
