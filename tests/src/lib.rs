//! Tests that need more than one crate live in `tests/`. This library holds what they share: the simulator.

pub mod sim;
