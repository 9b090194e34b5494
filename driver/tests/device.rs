//! The driver against a device in plain Rust.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

mod fake;

use std::time::Duration;

use cbp_driver::{Device, Error, Info, Job, Options, Reset, Segment, Ticket};
use cbp_isa::registers;
use cbp_isa::ring::{ErrorCode, completion};
use fake::identity::config;
use fake::{Corruption, Fake, FakeDma};

const SECOND: Duration = Duration::from_secs(1);

fn open(fake: &Fake, ring_log2: u32) -> Device<Fake> {
    Device::open(fake.clone(), Options { ring_log2, ..Options::default() }).unwrap()
}

fn job(device: &mut Device<Fake>) -> Job<FakeDma> {
    Job::new(Segment::all(device.allocate(64).unwrap().lend()), 1)
}

#[test]
fn identity_is_read_back() {
    let fake = Fake::new();
    let device = open(&fake, 2);
    assert_eq!(*device.config(), config());
    assert_eq!(device.info().dma_address_bits, 40);
    drop(device);
    assert_eq!(fake.state().get(registers::QUEUE_ENABLE), 0);
    assert!(fake.state().memory.is_empty());
}

#[test]
fn strangers_are_refused() {
    let refused = |register: registers::Register, value: u32| {
        let fake = Fake::new();
        fake.state().set(register, value);
        let error = Device::open(fake.clone(), Options::default()).err().unwrap();
        assert!(
            !fake.state().registers.contains_key(&registers::QUEUE_ENABLE.offset),
            "it must not be written"
        );
        error
    };
    assert!(matches!(refused(registers::MAGIC, 5), Error::NotOurs(5)));
    assert!(matches!(refused(registers::ISA_VERSION, 9 << 16), Error::WrongVersion { .. }));
    assert!(matches!(refused(registers::CONFIG_ARRAY, 0), Error::BadConfig(_)));
    assert!(matches!(refused(registers::CONFIG_SET, u32::MAX), Error::BadConfig(_)));
    assert!(matches!(refused(registers::DMA_ADDRESS_BITS, 0), Error::BadConfig(_)));
    let fake = Fake::new();
    fake.state().gone = true;
    assert!(matches!(Device::open(fake, Options::default()), Err(Error::DeviceGone)));
}

#[test]
fn rings_that_are_too_large() {
    let error = Device::open(Fake::new(), Options { ring_log2: 16, ..Options::default() }).err().unwrap();
    assert!(matches!(error, Error::BadOptions(_)) && error.to_string().contains("2^15"), "{error}");
}

#[test]
fn rings_wrap_for_every_size() {
    for log2 in [0, 1, 4] {
        let fake = Fake::new();
        let mut device = open(&fake, log2);
        let job = job(&mut device);
        for round in 0..5 << log2 {
            let ticket = device.submit(&job).unwrap();
            let done = device.wait(ticket, SECOND).unwrap();
            assert_eq!((done.cycles, done.cookie), (1000 + round, ticket.cookie()));
        }
        assert_eq!(fake.state().get(registers::QUEUE_COMPLETION_CONSUMER), 5 << log2);
    }
}

#[test]
fn a_full_ring_pushes_back_and_order_does_not_matter() {
    let fake = Fake::new();
    let mut device = open(&fake, 2);
    fake.state().serve = false;
    let job = job(&mut device);
    let tickets: Vec<Ticket> = (0..4).map(|_| device.submit(&job).unwrap()).collect();
    assert!(matches!(device.submit(&job), Err(Error::RingFull(4))));
    assert!(matches!(device.poll(tickets[0]), Ok(None)));
    (0..4).for_each(|_| fake.state().complete());
    assert!(matches!(device.submit(&job), Err(Error::RingFull(4))), "completions were not taken");
    for &ticket in tickets.iter().rev() {
        device.wait(ticket, SECOND).unwrap();
        assert!(matches!(device.poll(ticket), Err(Error::StaleTicket)));
    }
    let _ = device.submit(&job).unwrap();
}

/// The device completes nothing twice, nothing out of order, nothing that was not asked for.
#[test]
fn hostile_completions_are_errors() {
    let corruptions: [(Corruption, &str); 4] = [
        (|e| e[0] ^= 1, "cookie"),
        (|e| e[12] ^= 1, "sequence"),
        (|e| e[8] = 200, "status"),
        (|e| e[7] ^= 0x80, "cookie"),
    ];
    for (corruption, text) in corruptions {
        let fake = Fake::new();
        let mut device = open(&fake, 1);
        fake.state().corrupt = Some(corruption);
        let job = job(&mut device);
        let ticket = device.submit(&job).unwrap();
        let error = device.wait(ticket, SECOND).unwrap_err();
        assert!(matches!(&error, Error::BadCompletion { reason, .. } if reason.contains(text)), "{error}");
        assert!(matches!(device.wait(ticket, SECOND), Err(Error::NeedsReset)));
        assert!(matches!(device.submit(&job), Err(Error::NeedsReset)));
        fake.state().corrupt = None;
        device.reset().unwrap();
        assert!(matches!(device.wait(ticket, SECOND), Err(Error::StaleTicket)));
        let ticket = device.submit(&job).unwrap();
        device.wait(ticket, SECOND).unwrap();
    }
    assert_eq!(completion::STATUS.lsb, 64, "the bytes above");
}

#[test]
fn a_completion_without_a_job() {
    let fake = Fake::new();
    let mut device = open(&fake, 1);
    let job = job(&mut device);
    let ticket = device.submit(&job).unwrap();
    fake.state().complete(); // one more than was asked for
    assert!(matches!(device.wait(ticket, SECOND), Err(Error::BadCompletion { index: 1, .. })));
}

#[test]
fn failed_jobs_halt_and_the_rest_is_aborted() {
    let fake = Fake::new();
    let mut device = open(&fake, 3);
    fake.state().serve = false;
    let job = job(&mut device);
    let tickets: Vec<Ticket> = (0..3).map(|_| device.submit(&job).unwrap()).collect();
    fake.state().statuses = [ErrorCode::OutOfSegment as u32, ErrorCode::Aborted as u32, 6].into();
    fake.state().complete();
    assert!(matches!(device.wait(tickets[2], SECOND), Err(Error::Halted(ErrorCode::OutOfSegment))));
    device.resume().unwrap();
    fake.state().complete();
    fake.state().complete();
    match device.wait(tickets[0], SECOND) {
        Err(Error::JobFailed { code: ErrorCode::OutOfSegment, address: 0xabc0, .. }) => {}
        other => panic!("{other:?}"),
    }
    for &ticket in &tickets[1..] {
        assert!(matches!(
            device.wait(ticket, SECOND),
            Err(Error::JobFailed { code: ErrorCode::Aborted, .. })
        ));
    }
}

#[test]
fn deadlines_and_vanishing() {
    let fake = Fake::new();
    let mut device = open(&fake, 1);
    fake.state().serve = false;
    let job = job(&mut device);
    let ticket = device.submit(&job).unwrap();
    match device.wait(ticket, SECOND) {
        Err(Error::Timeout { waited, snapshot, .. }) => {
            assert!(waited >= SECOND);
            assert_eq!((snapshot.submitted, snapshot.completed), (1, 0));
        }
        other => panic!("{other:?}"),
    }
    fake.state().gone = true;
    assert!(matches!(device.wait(ticket, SECOND), Err(Error::DeviceGone)));
    assert!(matches!(device.submit(&job), Err(Error::DeviceGone)));
    drop(device);
    assert_eq!(
        fake.state().memory.len(),
        3,
        "rings and the job's memory stay: nobody knows who still writes"
    );
}

#[test]
fn resets_escalate() {
    for (stuck, resets) in [(0, vec![]), (1, vec![Reset::Function]), (2, vec![Reset::Function, Reset::Bus])] {
        let fake = Fake::new();
        let mut device = open(&fake, 1);
        fake.state().stuck = stuck;
        device.reset().unwrap();
        assert_eq!(fake.state().resets, resets);
    }
    let fake = Fake::new();
    let mut device = open(&fake, 1);
    fake.state().stuck = 99;
    assert!(matches!(device.reset(), Err(Error::Timeout { .. })));
    drop(device);
    assert_eq!(fake.state().memory.len(), 2, "the rings stay");
}

/// What an earlier program left running must not write to memory that is somebody else's by now.
#[test]
fn memory_is_out_of_reach_until_a_reset_is_confirmed() {
    let fake = Fake::new();
    Info::of(fake.clone()).unwrap();
    assert!(!fake.state().dma, "asking changes nothing");
    fake.state().stuck = 99;
    assert!(Device::open(fake.clone(), Options::default()).is_err());
    assert!(!fake.state().dma, "nobody knows what it still does");
    fake.state().stuck = 2;
    let _device = open(&fake, 1);
    assert!(fake.state().dma);
}

/// A reset that the kernel refuses is no reason not to try a harder one.
#[test]
fn resets_that_fail() {
    let fake = Fake::new();
    let mut device = open(&fake, 1);
    fake.state().refused = Some(Reset::Function);
    fake.state().stuck = 1;
    device.reset().unwrap();
    assert_eq!(fake.state().resets, [Reset::Bus]);
    fake.state().refused = Some(Reset::Bus);
    fake.state().stuck = 99;
    assert!(matches!(device.reset(), Err(Error::Transport(_))), "the last thing that failed");
    fake.state().gone_at = Some(Reset::Function);
    fake.state().resets.clear();
    assert!(matches!(device.reset(), Err(Error::DeviceGone)));
    assert!(fake.state().resets.is_empty());
}

/// Who only polls hears of what happened to the device.
#[test]
fn polling_ends() {
    let outcome = |harm: fn(&Fake)| {
        let fake = Fake::new();
        let mut device = open(&fake, 1);
        fake.state().serve = false;
        let job = job(&mut device);
        let ticket = device.submit(&job).unwrap();
        harm(&fake);
        let error = (0..100_000).find_map(|_| device.poll(ticket).err()).expect("it polls for ever");
        (error, device.poll(ticket).unwrap_err(), device.submit(&job).unwrap_err())
    };
    let gone = outcome(|fake| fake.state().gone = true);
    assert!(matches!(gone, (Error::DeviceGone, Error::DeviceGone, Error::DeviceGone)), "{gone:?}");
    let wedged = outcome(|fake| fake.state().set(registers::IRQ_STATUS, registers::irq::WEDGED));
    assert!(matches!(wedged, (Error::Wedged { .. }, Error::NeedsReset, Error::NeedsReset)), "{wedged:?}");
    let lost = outcome(|fake| {
        fake.state().set(registers::QUEUE_COMPLETION_PRODUCER, 1);
        fake.state().set(registers::IRQ_STATUS, registers::irq::COMPLETION);
    });
    assert!(matches!(lost, (Error::LostCompletion { .. }, Error::NeedsReset, Error::NeedsReset)), "{lost:?}");
    let bad = outcome(|fake| {
        fake.state().corrupt = Some(|entry| entry[0] ^= 1);
        fake.state().complete();
    });
    assert!(matches!(bad, (Error::BadCompletion { .. }, Error::NeedsReset, Error::NeedsReset)), "{bad:?}");
}

/// It goes between the two halves of a counter.
#[test]
fn half_a_counter_is_no_counter() {
    let fake = Fake::new();
    let mut device = open(&fake, 1);
    let job = job(&mut device);
    fake.state().set(registers::CYCLES_HI, u32::MAX);
    assert_eq!(device.counters().unwrap().cycles >> 32, u64::from(u32::MAX), "it may be a value");
    fake.state().set(registers::MAGIC, u32::MAX);
    assert!(matches!(device.counters(), Err(Error::DeviceGone)));
    assert!(matches!(device.submit(&job), Err(Error::DeviceGone)), "it is remembered");
}

/// Every operation of `open` fails in turn; nothing stays enabled, and memory is freed where that is safe.
#[test]
fn every_step_of_opening_may_fail() {
    let mut kept = 0;
    for fuse in 0.. {
        let fake = Fake::new();
        fake.state().fuse = Some(fuse);
        let opened = Device::open(fake.clone(), Options::default());
        fake.state().fuse = None;
        match opened {
            Ok(_) => {
                assert!(fuse > 20 && kept == 2, "{fuse}");
                return;
            }
            Err(Error::Transport(_)) => {
                assert_eq!(fake.state().get(registers::QUEUE_ENABLE), 0, "fuse {fuse}");
                // Only the last step, which enables the queue, may have reached the device all the same.
                let pieces = fake.state().memory.len();
                assert!(pieces == 0 || (pieces == 2 && kept == 0), "fuse {fuse}: {pieces} pieces of memory");
                kept += pieces;
            }
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn bad_jobs_never_reach_the_device() {
    let fake = Fake::new();
    let mut device = open(&fake, 1);
    let good = job(&mut device);
    let bad = |change: fn(&mut Job<FakeDma>)| {
        let mut job = good.clone();
        change(&mut job);
        job
    };
    for job in [
        bad(|j| j.repeat = 0),
        bad(|j| j.instructions = 0),
        bad(|j| j.instructions = 2),
        bad(|j| j.program_offset = 8),
        bad(|j| j.program_offset = u64::MAX - 63),
        bad(|j| j.segments[0] = None),
        bad(|j| j.segments[0].as_mut().unwrap().length = 65),
        bad(|j| j.segments[0].as_mut().unwrap().offset = 4),
        bad(|j| j.segments[0].as_mut().unwrap().offset = u64::MAX),
        bad(|j| (j.repeat, j.segments[0].as_mut().unwrap().stride) = (2, 8)),
        bad(|j| (j.repeat, j.segments[0].as_mut().unwrap().stride) = (u32::MAX, u32::MAX)),
    ] {
        assert!(matches!(device.submit(&job), Err(Error::BadJob(_))));
    }
    assert_eq!(fake.state().get(registers::QUEUE_COMMAND_PRODUCER), 0);
}

#[test]
fn unreachable_memory_and_missing_capabilities() {
    let fake = Fake::new();
    fake.state().set(registers::DMA_ADDRESS_BITS, 33);
    assert!(matches!(Device::open(fake, Options::default()), Err(Error::Unreachable { bits: 33, .. })));
    let mut device = open(&Fake::new(), 1);
    assert!(matches!(device.self_test(SECOND), Err(Error::Unsupported(_))));
    let mut memory = device.allocate(16).unwrap();
    assert!(memory.write(9, &[0; 8]).is_err());
}
