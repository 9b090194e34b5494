//! Programs that must not run, and memory that fails: a typed error each, and the next job works.

#![allow(clippy::unwrap_used)]

use cbp_host::cases::{faults, registers, tiny};
use cbp_host::runtime::simulator;
use cbp_isa::WeightSet;
use cbp_sim::SimOptions;

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
