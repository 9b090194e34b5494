//! The driver on the accelerator itself: identity, empty programs, errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

use std::time::Duration;

use cbp_driver::{Device, Error, Job, Options, Segment};
use cbp_isa::instruction::{Instruction, Opcode};
use cbp_isa::ring::ErrorCode;
use cbp_isa::{Config, Preset, WeightSet};
use cbp_sim::{Answer, Direction, SimOptions, SimTransport, Timing};

const SECOND: Duration = Duration::from_millis(1);

fn config() -> Config {
    Preset::named("tiny").unwrap().config(WeightSet::TwoBitShift)
}

fn open(timing: Timing, options: Options) -> Device<SimTransport> {
    let sim = SimOptions { timing, ..SimOptions::default() };
    Device::open(SimTransport::accelerator(&config(), &sim).unwrap(), options).unwrap()
}

/// A job of one instruction.
fn job(device: &mut Device<SimTransport>, instruction: &[u8]) -> Job<cbp_sim::SimDma> {
    let mut program = device.allocate(instruction.len()).unwrap();
    program.write(0, instruction).unwrap();
    Job::new(Segment::all(program.lend()), 1)
}

/// A job whose program is only END.
fn empty(device: &mut Device<SimTransport>) -> Job<cbp_sim::SimDma> {
    job(device, &Instruction::new(Opcode::End).to_bytes())
}

#[test]
fn the_device_describes_itself() {
    let device = open(Timing::default(), Options::default());
    assert_eq!(*device.config(), config());
}

#[test]
fn empty_programs_complete_in_order_while_rings_wrap() {
    for (seed, timing) in [
        Timing::default(),
        Timing::Random { seed: 1, max_latency: 80 },
        Timing::Random { seed: 2, max_latency: 5 },
    ]
    .into_iter()
    .enumerate()
    {
        let mut device = open(timing, Options { ring_log2: seed as u32, ..Options::default() });
        for round in 0..12 {
            let mut job = empty(&mut device);
            job.interrupt = round % 4 != 3;
            let ticket = device.submit(&job).unwrap();
            let done = device.wait(ticket, SECOND).unwrap();
            assert_eq!(done.mac_active, 0);
        }
        assert_eq!(device.transport().sim().in_flight(), 0);
    }
}

#[test]
fn errors_halt_resume_aborts_and_reset_recovers() {
    let mut device = open(Timing::Fixed { read_latency: 20, write_latency: 10 }, Options::default());
    let bad = job(&mut device, &[0xff; 64]);
    let first = device.submit(&bad).unwrap();
    let second = device.submit(&bad).unwrap();
    match device.wait(first, SECOND) {
        Err(Error::JobFailed { code: ErrorCode::BadInstruction, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(device.wait(second, SECOND), Err(Error::Halted(_))));
    device.resume().unwrap();
    assert!(matches!(device.wait(second, SECOND), Err(Error::JobFailed { code: ErrorCode::Aborted, .. })));
    device.reset().unwrap();
    let job = empty(&mut device);
    for skip in [0, 1] {
        // The command, then the program, answered with SLVERR.
        device.transport().sim().inject(Direction::Read, skip, Answer::SlaveError);
        let ticket = device.submit(&job).unwrap();
        match device.wait(ticket, SECOND) {
            Err(Error::JobFailed { code: ErrorCode::ReadResponse, .. }) if skip == 1 => {
                device.resume().unwrap();
            }
            // Without its command the device cannot know the cookie.
            Err(_) if skip == 0 => device.reset().unwrap(),
            other => panic!("{other:?}"),
        }
    }
    let ticket = device.submit(&job).unwrap();
    device.wait(ticket, SECOND).unwrap();
}

#[test]
fn lint_is_clean() {
    let design = cbp_hdl::verilog(&config()).unwrap();
    let warnings = verilator_sys::lint(&design.text(), design.top()).unwrap();
    assert!(warnings.is_empty(), "{} warnings, the first: {}", warnings.len(), warnings[0]);
}
