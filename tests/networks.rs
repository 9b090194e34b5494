//! Random networks with branches, residuals and concatenations on the RTL equal the scalar model in every layer.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests networks` repeats one failing case.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_compiler::{Keep, Options};
use cbp_isa::{Preset, WeightSet};
use cbp_numerics::random::{self, Random};
use cbp_system_tests::{Outcome, equal_on_rtl, seeds, timing};

/// Networks per array.
const CASES: u64 = 30;
/// Of these, at most so many may be refused: the smallest array has small buffers.
const REFUSED: u64 = 6;

fn case(array: WeightSet, seed: u64) -> Result<Outcome, String> {
    let mut random = Random(seed ^ 0x6e65_7477);
    let config = Preset::named("tiny").ok_or("no preset")?.config(array);
    let shape = random::Options { size: 12, macs: 40_000, layers: 10, ..random::Options::new(array) };
    let options = Options {
        batch: 1 + random.below(4),
        keep: [Keep::Output, Keep::Activations, Keep::ActivationsAndMasks][random.below(3)],
        on_chip: random.below(2) == 0,
        ..Options::default()
    };
    let runs = 1 + random.below(2);
    let timing = timing(&mut random);
    let network = random::graph(&shape, seed).map_err(|e| e.to_string())?;
    equal_on_rtl(&network, &config, options, runs, timing, &mut random)
        .map_err(|e| format!("{} layers, {options:?}, {runs} runs: {e}", network.layers().len()))
}

fn networks(array: WeightSet) {
    let mut refused = 0;
    for seed in seeds(CASES) {
        match case(array, seed) {
            Ok(Outcome::Equal) => {}
            Ok(Outcome::Refused) => refused += 1,
            Err(e) => panic!("{array} array, CBP_SEED={seed}: {e}"),
        }
    }
    println!("{array}: {refused} refused");
    assert!(refused <= REFUSED, "{refused} of {CASES} refused");
}

#[test]
fn on_a_binary_array() {
    networks(WeightSet::Binary);
}

#[test]
fn on_a_ternary_array() {
    networks(WeightSet::Ternary);
}

#[test]
fn on_a_one_bit_shift_array() {
    networks(WeightSet::OneBitShift);
}

#[test]
fn on_a_two_bit_shift_array() {
    networks(WeightSet::TwoBitShift);
}
