//! Random networks on the RTL equal the scalar model in every layer.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests networks` repeats one failing case.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_compiler::{Keep, Options};
use cbp_isa::{Preset, WeightSet};
use cbp_numerics::random::{Random, Shape, network};
use cbp_system_tests::{equal_on_rtl, layer_sets, seeds, timing};

const CASES: u64 = 40;

fn case(array: WeightSet, seed: u64) -> Result<(), String> {
    let mut random = Random(seed ^ 0x6e65_7477);
    let config = Preset::named("tiny").ok_or("no preset")?.config(array);
    let sets = layer_sets(array);
    let count = 2 + random.below(3);
    let mut shapes = Vec::new();
    for layer in 0..count {
        shapes.push(Shape {
            outputs: 1 + random.below(80),
            set: sets[random.below(sets.len())],
            raw: layer + 1 == count && random.below(2) == 0,
            extreme: false,
        });
    }
    let inputs = 1 + random.below(120);
    let options = Options { batch: 1 + random.below(40), keep: Keep::ActivationsAndMasks, on_chip: true };
    let runs = 1 + random.below(3);
    let timing = timing(&mut random);
    let network = network(inputs, &shapes, seed).map_err(|e| e.to_string())?;
    equal_on_rtl(&network, &config, options, runs, timing, &mut random)
        .map_err(|e| format!("{inputs} inputs, {shapes:?}, {options:?}, {runs} runs: {e}"))
}

#[test]
fn networks_on_binary_and_two_bit_arrays() {
    for seed in seeds(CASES) {
        for array in [WeightSet::Binary, WeightSet::TwoBitShift] {
            case(array, seed).unwrap_or_else(|e| panic!("{array} array, CBP_SEED={seed}: {e}"));
        }
    }
}
