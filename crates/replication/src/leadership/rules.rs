//! What decides when leadership moves, apart from who hears whom.

/// When a leader gives its leadership to another node of its own accord.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeadershipRules {
    /// In how many looks in a row, 250 ms apart, the same voter hears more than the leader before it is given the
    /// leadership: reports of a node that starts again come one after the other. At `u32::MAX` it never is.
    pub cut_looks: u32,
}

impl Default for LeadershipRules {
    /// Two looks.
    fn default() -> LeadershipRules {
        LeadershipRules { cut_looks: 2 }
    }
}
