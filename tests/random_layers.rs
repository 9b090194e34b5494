//! Random layers of every kind on the RTL equal the scalar model, with random stalls on every AXI channel.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests random_layers` repeats one failing case.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_compiler::{Keep, Options};
use cbp_isa::{Config, Preset, WeightSet};
use cbp_numerics::random::{self, Kind, Random, Shape, network};
use cbp_system_tests::{Outcome, equal_on_rtl, layer_sets, seeds, timing};

/// Cases per array; four arrays make more than 3,000.
const CASES: u64 = 780;
/// Of these, at most so many may be refused: the smallest array has small buffers.
const REFUSED: u64 = 40;

fn config(array: WeightSet) -> Config {
    Preset::named("tiny").unwrap().config(array)
}

fn options(random: &mut Random, most: usize) -> Options {
    Options {
        batch: 1 + random.below(most),
        keep: [Keep::Output, Keep::ActivationsAndMasks][random.below(2)],
        on_chip: random.below(2) == 0,
        ..Options::default()
    }
}

/// A fully connected layer of any shape.
fn fully_connected(array: WeightSet, seed: u64) -> Result<Outcome, String> {
    let mut random = Random(seed);
    let sets = layer_sets(array);
    let shape = Shape {
        outputs: 1 + random.below(300),
        set: sets[random.below(sets.len())],
        raw: random.below(3) == 0,
        extreme: random.below(10) == 0,
    };
    let inputs = 1 + random.below(300);
    let (options, runs) = (options(&mut random, 9), 1 + random.below(2));
    let timing = timing(&mut random);
    let network = network(inputs, std::slice::from_ref(&shape), seed).map_err(|e| e.to_string())?;
    equal_on_rtl(&network, &config(array), options, runs, timing, &mut random)
        .map_err(|e| format!("{inputs} inputs, {shape:?}, {options:?}, {runs} runs: {e}"))
}

/// A layer of a kind that the seed chooses, with what it needs before it.
fn any_kind(array: WeightSet, seed: u64) -> Result<Outcome, String> {
    let mut random = Random(seed ^ 0x6b69_6e64);
    let kind = Kind::ALL[random.below(Kind::ALL.len())];
    let shape = random::Options { size: 10, kernel: 7, macs: 40_000, ..random::Options::new(array) };
    let (options, runs) = (options(&mut random, 3), 1 + random.below(2));
    let timing = timing(&mut random);
    let network = random::layer_of(kind, &shape, seed).map_err(|e| e.to_string())?;
    equal_on_rtl(&network, &config(array), options, runs, timing, &mut random)
        .map_err(|e| format!("{kind:?}, {options:?}, {runs} runs: {e}"))
}

fn layers(array: WeightSet) {
    let mut refused = 0;
    for seed in seeds(CASES) {
        let case = if seed % 5 == 0 { fully_connected } else { any_kind };
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
