//! System tests: what a user would see. Each file beside this one is one test program.
//!
//! | file | what it checks |
//! |---|---|
//! | `random_layers.rs` | more than 3,000 random layers of every kind on the RTL of all four arrays, with random AXI stalls, truly compared |
//! | `networks.rs` | random networks with branches, residuals and concatenations on the RTL |
//! | `utilisation.rs` | how busy layers and whole ResNet-18 keep preset `small`, and how well their cycles were predicted |
//! | `mnist.rs` | the demo on full MNIST: accuracies and equality |
//! | `faults.rs` | programs that must not run and memory that fails: a typed error, and the next job works |
//! | `instructions.rs` | random programs on the RTL against the interpreter of the instruction set; what is refused |
//! | `documents.rs` | docs/isa.md is what the table says |
//!
//! The cases themselves are `cbp_host::cases`: the coverage runs them too. The command line's tests stand in host/tests, beside the command.

use std::path::{Path, PathBuf};

use cbp_host::cases::{Case, Outcome, tiny};
use cbp_isa::WeightSet;
use cbp_numerics::NetworkError;
use cbp_numerics::random::Kind;
use cbp_sim::Timing;

/// Root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The seed in `CBP_SEED`: one failing case to repeat.
fn only_seed() -> Option<u64> {
    std::env::var("CBP_SEED").ok().and_then(|seed| seed.parse().ok())
}

/// The seeds to run: all below `cases`, or the one in `CBP_SEED`.
#[must_use]
pub fn seeds(cases: u64) -> std::ops::Range<u64> {
    only_seed().map_or(0..cases, |seed| seed..seed + 1)
}

/// What became of random cases.
#[derive(Debug, Default)]
pub struct Tally {
    /// Compared with the model, memory stalling at random: their kinds.
    pub stalled: Vec<Option<Kind>>,
    /// Compared too, memory answering after a fixed time.
    pub steady: u64,
    /// Refused by the compiler: the smallest array has small buffers.
    pub refused: u64,
}

impl Tally {
    /// Compared cases of this kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> usize {
        self.stalled.iter().filter(|&&found| found == Some(kind)).count()
    }
}

/// Runs the cases of seeds 0, 1, … on preset `tiny` until `wanted` were compared under random stalls; one that is
/// refused does not count.
///
/// # Errors
/// A case that fails, or more refused than wanted.
pub fn compare(
    array: WeightSet,
    wanted: usize,
    case: impl Fn(WeightSet, u64) -> Result<Case, NetworkError>,
) -> Result<Tally, String> {
    let config = tiny(array)?;
    let mut tally = Tally::default();
    for seed in seeds(u64::MAX) {
        let failed = |e: String| format!("{array} array, CBP_SEED={seed}: {e}");
        let case = case(array, seed).map_err(|e| failed(e.to_string()))?;
        let (kind, stalls) = (case.kind, matches!(case.timing, Timing::Random { .. }));
        match case.run(&config).map_err(failed)? {
            Outcome::Refused => tally.refused += 1,
            Outcome::Equal if stalls => tally.stalled.push(kind),
            Outcome::Equal => tally.steady += 1,
        }
        if tally.stalled.len() == wanted || only_seed().is_some() {
            break;
        }
        if tally.refused as usize > wanted {
            return Err(format!("{array} array: more than {wanted} cases refused"));
        }
    }
    let Tally { stalled, steady, refused } = &tally;
    println!("{array}: {} compared, {steady} more without stalls, {refused} refused", stalled.len());
    Ok(tally)
}
