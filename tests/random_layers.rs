//! Random layers of every kind on the RTL equal the scalar model, with random stalls on every AXI channel.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests random_layers` repeats one failing case.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_host::cases::{self, Outcome, tiny};
use cbp_isa::WeightSet;
use cbp_system_tests::seeds;

/// Cases per array; four arrays make more than 3,000.
const CASES: u64 = 780;
/// Of these, at most so many may be refused: the smallest array has small buffers.
const REFUSED: u64 = 40;

fn layers(array: WeightSet) {
    let config = tiny(array).unwrap();
    let mut refused = 0;
    for seed in seeds(CASES) {
        let case = if seed % 5 == 0 { cases::fully_connected } else { cases::any_kind };
        match case(array, seed).unwrap().run(&config) {
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
