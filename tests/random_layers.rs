//! Random layers on the RTL equal the scalar model, with random stalls on every AXI channel.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests random_layers` repeats one failing case.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_compiler::{Keep, Options};
use cbp_isa::{Preset, WeightSet};
use cbp_numerics::random::{Random, Shape, network};
use cbp_system_tests::{equal_on_rtl, layer_sets, seeds, timing};

/// Cases per array; four arrays make more than 1,000.
const CASES: u64 = 260;

fn case(array: WeightSet, seed: u64) -> Result<(), String> {
    let mut random = Random(seed);
    let config = Preset::named("tiny").ok_or("no preset")?.config(array);
    let sets = layer_sets(array);
    let shape = Shape {
        outputs: 1 + random.below(300),
        set: sets[random.below(sets.len())],
        raw: random.below(3) == 0,
        extreme: random.below(10) == 0,
    };
    let inputs = 1 + random.below(300);
    let options = Options {
        batch: 1 + random.below(9),
        keep: [Keep::Output, Keep::ActivationsAndMasks][random.below(2)],
        on_chip: random.below(2) == 0,
    };
    let runs = 1 + random.below(2);
    let timing = timing(&mut random);
    let network = network(inputs, std::slice::from_ref(&shape), seed).map_err(|e| e.to_string())?;
    equal_on_rtl(&network, &config, options, runs, timing, &mut random)
        .map_err(|e| format!("{inputs} inputs, {shape:?}, {options:?}, {runs} runs: {e}"))
}

fn layers(array: WeightSet) {
    for seed in seeds(CASES) {
        case(array, seed).unwrap_or_else(|e| panic!("{array} array, CBP_SEED={seed}: {e}"));
    }
}

#[test]
fn binary_array() {
    layers(WeightSet::Binary);
}

#[test]
fn ternary_array() {
    layers(WeightSet::Ternary);
}

#[test]
fn one_bit_shift_array() {
    layers(WeightSet::OneBitShift);
}

#[test]
fn two_bit_shift_array() {
    layers(WeightSet::TwoBitShift);
}
