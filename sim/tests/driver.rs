//! The driver on a simulated device, end to end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod common;

use std::time::Duration;

use cbp_driver::{Device, Error, Options, Ticket};
use cbp_isa::ring::ErrorCode;
use cbp_sim::{Answer, Direction, Timing};
use common::{config, contents, copy, lend, open, pattern, quick, text, transport};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_job_copies() {
    let mut device = open(Timing::default(), Options::default());
    assert_eq!(*device.config(), config());
    let (from, to) = (lend(&mut device, &pattern(10_000, 1)), lend(&mut device, &[0; 10_000]));
    let job = copy(&mut device, &from, &to);
    let ticket = device.submit(&job).unwrap();
    let done = device.wait(ticket, SECOND).unwrap();
    assert_eq!((done.status, done.mac_active), (ErrorCode::None, 1250));
    assert!(done.cycles > 40 * 300, "40 bursts of 256 bytes, each 200 + 100 cycles of latency");
    drop(job);
    assert_eq!(contents(to), pattern(10_000, 1));
    assert!(matches!(device.wait(ticket, SECOND), Err(Error::StaleTicket)));
    assert!(device.counters().unwrap().cycles > u64::from(done.cycles));
}

/// Any order and any back-pressure that AXI allows, rings that wrap many times, all burst limits.
#[test]
fn jobs_copy_under_disorder() {
    for seed in 0..8 {
        let options = Options {
            ring_log2: seed as u32 % 3,
            burst_limit: Some(256 << (seed % 4)),
            ..Options::default()
        };
        let mut device = open(Timing::Random { seed, max_latency: 60 }, options);
        let mut running = std::collections::VecDeque::new();
        for round in 0..20 {
            let bytes = 8 * (1 + (round as usize * 97 + seed as usize) % 400);
            let from = lend(&mut device, &pattern(bytes, round));
            let to = lend(&mut device, &vec![0; bytes]);
            let mut job = copy(&mut device, &from, &to);
            job.interrupt = round % 5 != 4;
            if running.len() == 1 << (seed % 3) {
                assert!(matches!(device.submit(&job), Err(Error::RingFull(_))));
                finish(&mut device, running.pop_front().unwrap());
            }
            running.push_back((device.submit(&job).unwrap(), to, round));
        }
        for job in running {
            finish(&mut device, job);
        }
        assert_eq!(device.transport().sim().in_flight(), 0);
    }
}

fn finish(device: &mut common::SimulatedDevice, (ticket, to, round): (Ticket, common::Memory, u32)) {
    device.wait(ticket, SECOND).unwrap();
    let size = to.size();
    assert_eq!(contents(to), pattern(size, round));
}

#[test]
fn strides_move_segments() {
    let mut device = open(quick(), Options::default());
    let (from, to) = (lend(&mut device, &pattern(512, 3)), lend(&mut device, &[0; 1024]));
    let mut job = copy(&mut device, &from, &to);
    job.repeat = 4;
    for (segment, stride) in [(1, 128), (2, 256)] {
        let segment = job.segments[segment].as_mut().unwrap();
        (segment.length, segment.stride) = (128, stride);
    }
    let mut beyond = job.clone();
    beyond.repeat = 5;
    assert!(matches!(device.submit(&beyond), Err(Error::BadJob(_))), "the fifth run would leave the memory");
    let ticket = device.submit(&job).unwrap();
    device.wait(ticket, SECOND).unwrap();
    drop((job, beyond));
    let copied = contents(to);
    for run in 0..4 {
        assert_eq!(copied[256 * run..][..128], pattern(512, 3)[128 * run..][..128]);
    }
}

#[test]
fn errors_halt_and_resume_aborts() {
    for (direction, answer, code) in [
        (Direction::Read, Answer::SlaveError, ErrorCode::ReadResponse),
        (Direction::Write, Answer::DecodeError, ErrorCode::WriteResponse),
    ] {
        let mut device = open(quick(), Options::default());
        let (from, to) = (lend(&mut device, &[0; 256]), lend(&mut device, &[0; 256]));
        let job = copy(&mut device, &from, &to);
        let skip = u64::from(direction == Direction::Read); // the command itself arrives
        device.transport().sim().inject(direction, skip, answer);
        let first = device.submit(&job).unwrap();
        let second = device.submit(&job).unwrap();
        let expected = if direction == Direction::Read { &from } else { &to };
        match device.wait(first, SECOND) {
            Err(Error::JobFailed { code: c, address, .. }) => {
                assert_eq!((c, address), (code, expected.bus_address()));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(device.wait(second, SECOND), Err(Error::Halted(c)) if c == code));
        assert!(matches!(device.submit(&job), Err(Error::Halted(_))));
        device.resume().unwrap();
        assert!(matches!(
            device.wait(second, SECOND),
            Err(Error::JobFailed { code: ErrorCode::Aborted, .. })
        ));
        let third = device.submit(&job).unwrap();
        device.wait(third, SECOND).unwrap();
    }
}

#[test]
fn freed_memory_and_lost_answers() {
    let options =
        Options { dma_timeout: Some(2000), reset_timeout: Duration::from_micros(50), ..Options::default() };
    let mut device = open(quick(), options);
    let (from, to) = (lend(&mut device, &[0; 64]), lend(&mut device, &[0; 64]));
    let mut job = copy(&mut device, &from, &to);
    // A segment longer than the device may write to: refused by the device.
    job.segments[2].as_mut().unwrap().length = 32;
    let ticket = device.submit(&job).unwrap();
    assert!(matches!(
        device.wait(ticket, SECOND),
        Err(Error::JobFailed { code: ErrorCode::OutOfSegment, .. })
    ));
    device.resume().unwrap();
    job.segments[2].as_mut().unwrap().length = 64;

    device.transport().sim().inject(Direction::Read, 1, Answer::Lost);
    let lost = device.submit(&job).unwrap();
    let error = device.wait(lost, SECOND).unwrap_err();
    assert!(matches!(error, Error::Wedged { address, .. } if address == from.bus_address()), "{error}");
    assert!(matches!(device.submit(&job), Err(Error::NeedsReset)));
    assert!(device.transport().sim().wrapper_reset_requested());
    device.reset().unwrap(); // soft reset cannot end; function-level reset does
    assert!(matches!(device.wait(lost, SECOND), Err(Error::StaleTicket)));
    let again = device.submit(&job).unwrap();
    device.wait(again, SECOND).unwrap();
}

#[test]
fn deadlines_count_device_time() {
    let mut device = open(quick(), Options::default());
    let (from, to) = (lend(&mut device, &[0; 64]), lend(&mut device, &[0; 64]));
    device.transport().sim().inject(Direction::Read, 1, Answer::Lost); // no watchdog: hangs
    let job = copy(&mut device, &from, &to);
    let ticket = device.submit(&job).unwrap();
    let before = device.transport().sim().cycle();
    let error = device.wait(ticket, Duration::from_micros(400)).unwrap_err();
    let Error::Timeout { snapshot, .. } = &error else { panic!("{error}") };
    assert_eq!((snapshot.submitted, snapshot.completed), (1, 0));
    assert!(snapshot.registers.contains(&("STATUS", 3)), "{error}");
    let cycles = device.transport().sim().cycle() - before;
    assert!((50_000..51_000).contains(&cycles), "400 µs at 125 MHz: {cycles}");
    device.reset().unwrap();
}

#[test]
fn dropping_a_device_frees_everything() {
    let mut transport = transport(quick());
    let sim_memory = transport.sim().memory().pieces();
    assert_eq!(sim_memory, 0);
    let mut device = Device::open(transport, Options::default()).unwrap();
    let memory = lend(&mut device, &[0; 64]);
    let job = copy(&mut device, &memory, &memory);
    let _ = device.submit(&job).unwrap();
    drop((device, job));
    assert_eq!(contents(memory), [0; 64]);
}

#[test]
fn traces_are_written() {
    let options = cbp_sim::SimOptions { trace: true, timing: quick(), ..Default::default() };
    let transport = cbp_sim::SimTransport::new(&text(), cbp_hdl::TOP, &config(), &options).unwrap();
    let mut device = Device::open(transport, Options::default()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("job.fst");
    device.transport().sim().trace(Some(&path)).unwrap();
    let memory = lend(&mut device, &[0; 64]);
    let job = copy(&mut device, &memory, &memory);
    let ticket = device.submit(&job).unwrap();
    device.wait(ticket, SECOND).unwrap();
    device.transport().sim().trace(None).unwrap();
    assert!(std::fs::metadata(&path).unwrap().len() > 1000);
}
