//! Programs that must not run, memory that fails, resets: a typed error each, and the next job works.

#![allow(clippy::unwrap_used)]

use cbp_host::cases::{faults, registers, resets, tiny};
use cbp_host::runtime::simulator;
use cbp_isa::WeightSet;
use cbp_sim::{SimOptions, Timing};

#[test]
fn every_fault_is_named_and_the_next_job_works() {
    let config = tiny(WeightSet::TwoBitShift).unwrap();
    let mut device = simulator(&config, &SimOptions::default()).unwrap();
    assert_eq!(faults::named(&mut device), Ok(18));
}

#[test]
fn a_read_that_never_completes_wedges_the_device_until_it_is_reset() {
    let config = tiny(WeightSet::TwoBitShift).unwrap();
    let mut device = simulator(&config, &SimOptions::default()).unwrap();
    assert_eq!(faults::lost(&mut device), Ok(()));
}

#[test]
fn a_completion_that_cannot_be_written_ends_the_wait() {
    let config = tiny(WeightSet::TwoBitShift).unwrap();
    let mut device = simulator(&config, &SimOptions::default()).unwrap();
    assert_eq!(faults::unwritten(&mut device), Ok(()));
}

#[test]
fn registers_hold_what_is_written() {
    let config = tiny(WeightSet::TwoBitShift).unwrap();
    let mut device = simulator(&config, &SimOptions::default()).unwrap();
    assert_eq!(registers::hold_what_is_written(&mut device), Ok(()));
}

/// Each timing lets other transfers be under way when the reset comes.
#[test]
fn a_reset_in_any_cycle_leaves_nothing_behind() {
    let config = tiny(WeightSet::TwoBitShift).unwrap();
    let random = |seed, max_latency| Timing::Random { seed, max_latency };
    for timing in [
        Timing::default(),
        Timing::Fixed { read_latency: 1, write_latency: 1 },
        random(1, 2),
        random(2, 40),
        random(3, 200),
    ] {
        let options = SimOptions { timing: timing.clone(), ..SimOptions::default() };
        let mut device = simulator(&config, &options).unwrap();
        let resets = resets::in_every_cycle(&mut device, 1).unwrap_or_else(|e| panic!("{timing:?}: {e}"));
        println!("{timing:?}: {resets} resets");
        assert!(resets > 400, "{timing:?}: {resets}");
    }
}
