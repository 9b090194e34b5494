//! System tests: what a user would see. Each file beside this one is one test program.
//!
//! | file | what it checks |
//! |---|---|
//! | `random_layers.rs` | more than 3,000 random layers of every kind on the RTL of all four arrays, with random AXI stalls |
//! | `networks.rs` | random networks with branches, residuals and concatenations on the RTL |
//! | `utilisation.rs` | how busy layers and whole ResNet-18 keep preset `small`, and how well their cycles were predicted |
//! | `mnist.rs` | the demo on full MNIST: accuracies and equality |
//! | `faults.rs` | programs that must not run and memory that fails: a typed error, and the next job works |
//! | `documents.rs` | docs/isa.md is what the table says |
//!
//! The command line's tests stand in host/tests, beside the command.

use std::path::{Path, PathBuf};

use cbp_compiler::{CompileError, Options, compile};
use cbp_host::compare::{compare, scalar_model};
use cbp_host::runtime::{Session, simulator};
use cbp_isa::{Config, WeightSet};
use cbp_numerics::Network;
use cbp_numerics::random::Random;
use cbp_sim::{SimOptions, Timing};

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

/// A memory that answers at once, or in one of several kinds of disorder.
pub fn timing(random: &mut Random) -> Timing {
    match random.below(4) {
        0 => Timing::default(),
        _ => Timing::Random { seed: random.bits(), max_latency: [20, 100, 400][random.below(3)] },
    }
}

/// Sets that an array for `array` runs, and `None` for int8.
#[must_use]
pub fn layer_sets(array: WeightSet) -> Vec<Option<WeightSet>> {
    let sets = WeightSet::ALL.into_iter().filter(|&s| array.includes(s)).map(Some);
    sets.chain([None]).collect()
}

/// How a case went, if it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything was equal.
    Equal,
    /// The compiler refused the network for the array's size.
    Refused,
}

/// Compiles, runs on the RTL and compares everything that comes back with the scalar model.
///
/// # Errors
/// What failed, or how much differs; and what the compiler refuses for another reason than the array's size.
pub fn equal_on_rtl(
    network: &Network,
    config: &Config,
    options: Options,
    runs: usize,
    timing: Timing,
    random: &mut Random,
) -> Result<Outcome, String> {
    let program = match compile(network, config, options) {
        Ok(program) => program,
        Err(
            CompileError::Weights { .. }
            | CompileError::Buffer { .. }
            | CompileError::DoubledRequant { .. }
            | CompileError::DoubledAccumulator { .. },
        ) => return Ok(Outcome::Refused),
        Err(e) => return Err(e.to_string()),
    };
    let input = random.bytes(runs * options.batch * network.inputs());
    let sim = SimOptions { timing, ..SimOptions::default() };
    let mut device = simulator(config, &sim).map_err(|e| e.to_string())?;
    let mut session = Session::new(&mut device, program, options.keep).map_err(|e| e.to_string())?;
    let run = session.run(&input).map_err(|e| e.to_string())?;
    let model = scalar_model(network, &input).map_err(|e| e.to_string())?;
    let comparison = compare(&run.layers, &model, options.keep);
    if comparison.compared == 0 || comparison.mismatches != 0 {
        return Err(format!("{comparison:?}"));
    }
    Ok(Outcome::Equal)
}
