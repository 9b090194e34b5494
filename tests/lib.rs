//! System tests: what a user would see. Each file beside this one is one test program.
//!
//! | file | what it checks |
//! |---|---|
//! | `random_layers.rs` | more than 3,000 random layers of every kind on the RTL of all four arrays, with random AXI stalls |
//! | `networks.rs` | random networks with branches, residuals and concatenations on the RTL |
//! | `utilisation.rs` | how busy layers and whole ResNet-18 keep preset `small`, and how well their cycles were predicted |
//! | `mnist.rs` | the demo on full MNIST: accuracies and equality |
//! | `faults.rs` | programs that must not run and memory that fails: a typed error, and the next job works |
//! | `instructions.rs` | random programs on the RTL against the interpreter of the instruction set; what is refused |
//! | `documents.rs` | docs/isa.md is what the table says |
//!
//! The cases themselves are `cbp_host::cases`: the coverage runs them too. The command line's tests stand in host/tests, beside the command.

use std::path::{Path, PathBuf};

/// Root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The seeds to run: all below `cases`, or the one in `CBP_SEED`.
#[must_use]
pub fn seeds(cases: u64) -> std::ops::Range<u64> {
    match std::env::var("CBP_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..cases,
    }
}
