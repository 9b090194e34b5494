//! Random layers of every kind on the RTL equal the scalar model, with random stalls on every AXI channel.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests random_layers` repeats one failing case.

#![allow(clippy::unwrap_used)]

use cbp_host::cases;
use cbp_isa::WeightSet;
use cbp_numerics::random::Kind;
use cbp_system_tests::compare;

/// Layers compared per array; four arrays make 3,008.
const LAYERS: usize = 752;
/// Of each kind at least; a kind's share is 46, of fully connected ones more.
const EACH: usize = 25;

fn layers(array: WeightSet) {
    let case = |array, seed| {
        if seed % 5 == 0 { cases::fully_connected(array, seed) } else { cases::any_kind(array, seed) }
    };
    let tally = compare(array, LAYERS, case).unwrap();
    if tally.stalled.len() == LAYERS {
        for kind in Kind::ALL {
            println!("{kind:?}: {}", tally.of(kind));
            assert!(tally.of(kind) >= EACH, "{kind:?}: {}", tally.of(kind));
        }
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
