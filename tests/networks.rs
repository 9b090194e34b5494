//! Random networks with branches, residuals and concatenations on the RTL equal the scalar model in every layer.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests networks` repeats one failing case.

#![allow(clippy::unwrap_used, clippy::panic)]

use cbp_host::cases::{self, Outcome, tiny};
use cbp_isa::WeightSet;
use cbp_system_tests::seeds;

/// Networks per array.
const CASES: u64 = 30;
/// Of these, at most so many may be refused: the smallest array has small buffers.
const REFUSED: u64 = 6;

fn networks(array: WeightSet) {
    let config = tiny(array).unwrap();
    let mut refused = 0;
    for seed in seeds(CASES) {
        match cases::graph(array, seed).unwrap().run(&config) {
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
