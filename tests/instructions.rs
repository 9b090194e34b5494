//! Random programs do what the interpreter of the instruction set does; what no device runs is refused.
//!
//! `CBP_SEED=n cargo nextest run -p cbp-system-tests --test instructions` repeats one failing seed.

#![allow(clippy::unwrap_used)]

use cbp_host::cases::{instructions, long, refused, tiny};
use cbp_host::runtime::simulator;
use cbp_isa::WeightSet;
use cbp_sim::{SimOptions, Timing};
use cbp_system_tests::seeds;

/// Programs per seed, and refused commands and instructions.
const PROGRAMS: u64 = 40;

fn on(array: WeightSet) {
    let config = tiny(array).unwrap();
    for seed in seeds(4) {
        let timing = match seed % 2 {
            0 => Timing::Fixed { read_latency: 10, write_latency: 10 },
            _ => Timing::Random { seed, max_latency: 60 },
        };
        let mut device = simulator(&config, &SimOptions { timing, ..SimOptions::default() }).unwrap();
        assert_eq!(instructions::as_interpreted(&mut device, PROGRAMS, seed), Ok(()), "CBP_SEED={seed}");
        assert_eq!(refused::all(&mut device, PROGRAMS as usize, seed), Ok(()), "CBP_SEED={seed}");
        assert_eq!(refused::behind(&mut device, PROGRAMS as usize, seed), Ok(()), "CBP_SEED={seed}");
    }
}

#[test]
fn on_a_binary_array() {
    on(WeightSet::Binary);
}

#[test]
fn on_a_ternary_array() {
    on(WeightSet::Ternary);
}

#[test]
fn on_a_one_bit_shift_array() {
    on(WeightSet::OneBitShift);
}

#[test]
fn on_a_two_bit_shift_array() {
    on(WeightSet::TwoBitShift);
}

#[test]
fn long_ones_on_a_two_bit_shift_array() {
    let mut device = simulator(&tiny(WeightSet::TwoBitShift).unwrap(), &SimOptions::default()).unwrap();
    assert_eq!(long::all(&mut device), Ok(()));
}
