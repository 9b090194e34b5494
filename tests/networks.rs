//! Random networks with branches, residuals and concatenations on the RTL equal the scalar model in every layer.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests networks` repeats one failing case.

#![allow(clippy::unwrap_used)]

use cbp_host::cases;
use cbp_isa::WeightSet;
use cbp_system_tests::compare;

/// Networks compared per array; four arrays make 112.
const NETWORKS: usize = 28;

fn networks(array: WeightSet) {
    compare(array, NETWORKS, cases::graph).unwrap();
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
