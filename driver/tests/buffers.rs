//! Memory is the host's or a job's, never both at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // helpers of tests

#[allow(dead_code)] // each test uses a part
mod fake;

use std::time::Duration;

use cbp_driver::{Device, DeviceBuffer, Error, Job, Options, Reset, Segment, Ticket};
use cbp_isa::ring::ErrorCode;
use fake::{Fake, FakeDma};

const SECOND: Duration = Duration::from_secs(1);

type Lent = DeviceBuffer<FakeDma>;

/// A device that completes jobs only when it is told, and a memory that is lent to it.
fn open(fake: &Fake) -> (Device<Fake>, Lent) {
    let mut device = Device::open(fake.clone(), Options::default()).unwrap();
    fake.state().serve = false;
    let mut memory = device.allocate(64).unwrap();
    memory.write(0, &[7; 64]).unwrap();
    (device, memory.lend())
}

/// The job is gone once it is submitted: what holds the memory then is the device alone.
fn submit(device: &mut Device<Fake>, memory: &Lent) -> Ticket {
    device.submit(&Job::new(Segment::all(memory.clone()), 1)).unwrap()
}

/// It is lent still.
fn kept(memory: Lent) -> Lent {
    memory.reclaim().expect_err("the host has memory that a job uses")
}

#[test]
fn lent_memory_is_the_same_memory() {
    let (_device, lent) = open(&Fake::new());
    let place = (lent.bus_address(), lent.size());
    let clone = lent.clone();
    let lent = kept(lent);
    drop(clone);
    let host = lent.reclaim().unwrap();
    assert_eq!((host.bus_address(), host.size()), place);
    let mut bytes = [0; 64];
    host.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [7; 64]);
    assert!(host.read(1, &mut bytes).is_err());
    assert!(matches!(Error::from(host.lend()), Error::StillLent));
}

#[test]
fn a_running_job_holds_its_memory() {
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let tickets = [submit(&mut device, &memory), submit(&mut device, &memory)];
    let memory = kept(memory);
    assert!(matches!(device.poll(tickets[0]), Ok(None)));
    fake.state().complete();
    let memory = kept(memory);
    device.wait(tickets[0], SECOND).unwrap();
    let memory = kept(memory);
    fake.state().complete();
    let memory = kept(memory);
    device.wait(tickets[1], SECOND).unwrap();
    memory.reclaim().unwrap();
}

/// What nobody asked for yet is over all the same, whoever looked at the ring.
#[test]
fn a_job_that_was_not_waited_for() {
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let _first = submit(&mut device, &memory);
    let other = device.allocate(64).unwrap().lend();
    let second = submit(&mut device, &other);
    fake.state().complete();
    assert!(matches!(device.poll(second), Ok(None)));
    memory.reclaim().unwrap();
    kept(other);
}

/// A job can be submitted again, so it holds its memory too, as do its clones.
#[test]
fn a_job_that_is_over_holds_its_memory_until_it_is_dropped() {
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let mut job = Job::new(Segment::all(memory), 1);
    let clone = job.clone();
    let ticket = device.submit(&job).unwrap();
    fake.state().complete();
    device.wait(ticket, SECOND).unwrap();
    let memory = kept(job.segments[0].take().unwrap().memory);
    drop(clone);
    memory.reclaim().unwrap();
}

#[test]
fn jobs_that_fail_and_those_behind_them_give_back() {
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let failed = submit(&mut device, &memory);
    let other = device.allocate(64).unwrap().lend();
    let aborted = submit(&mut device, &other);
    fake.state().statuses = [ErrorCode::OutOfSegment as u32, ErrorCode::Aborted as u32].into();
    fake.state().complete();
    assert!(matches!(device.wait(failed, SECOND), Err(Error::JobFailed { .. })));
    memory.reclaim().unwrap();
    let other = kept(other);
    device.resume().unwrap();
    fake.state().complete();
    assert!(matches!(device.wait(aborted, SECOND), Err(Error::JobFailed { code: ErrorCode::Aborted, .. })));
    other.reclaim().unwrap();
}

/// An entry that is not to be trusted ends no job.
#[test]
fn a_completion_that_is_wrong_gives_nothing_back() {
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let ticket = submit(&mut device, &memory);
    fake.state().corrupt = Some(|entry| entry[0] ^= 1);
    fake.state().complete();
    assert!(matches!(device.wait(ticket, SECOND), Err(Error::BadCompletion { .. })));
    let memory = kept(memory);
    device.reset().unwrap();
    memory.reclaim().unwrap();
}

#[test]
fn a_reset_gives_back_once_it_is_confirmed() {
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let ticket = submit(&mut device, &memory);
    assert!(matches!(device.wait(ticket, SECOND), Err(Error::Timeout { .. })));
    let memory = kept(memory);
    fake.state().stuck = 99;
    assert!(matches!(device.reset(), Err(Error::Timeout { .. })));
    let memory = kept(memory);
    fake.state().stuck = 1;
    device.reset().unwrap();
    assert!(fake.state().resets.contains(&Reset::Function));
    let memory = memory.reclaim().unwrap().lend();
    // Buffers outlive resets.
    let ticket = submit(&mut device, &memory);
    fake.state().complete();
    device.wait(ticket, SECOND).unwrap();
    memory.reclaim().unwrap();
}

#[test]
fn a_device_that_is_closed_gives_back() {
    let (mut device, memory) = open(&Fake::new());
    let _running = submit(&mut device, &memory);
    let memory = kept(memory);
    drop(device);
    memory.reclaim().unwrap();
}

/// Nobody knows whether it still writes.
#[test]
fn a_device_that_died_keeps_what_its_jobs_use() {
    let fake = Fake::new();
    let (mut device, used) = open(&fake);
    let idle = device.allocate(64).unwrap().lend();
    let ticket = submit(&mut device, &used);
    fake.state().gone = true;
    assert!(matches!(device.wait(ticket, SECOND), Err(Error::DeviceGone)));
    let used = kept(used);
    drop(device);
    drop(kept(used));
    assert_eq!(fake.state().memory.len(), 4, "two rings, and both memories");
    idle.reclaim().unwrap();
    assert_eq!(fake.state().memory.len(), 3, "what is kept is not freed either");
}

#[test]
fn memory_of_another_device_is_refused() {
    let refused = |device: &mut Device<Fake>, memory: &Lent| {
        let own = device.allocate(64).unwrap().lend();
        let mut second = Job::new(Segment::all(own), 1);
        second.segments[3] = Some(Segment::all(memory.clone()));
        for job in [Job::new(Segment::all(memory.clone()), 1), second] {
            for error in [device.submit(&job), device.enqueue(&job)].map(Result::unwrap_err) {
                assert!(matches!(error, Error::BadJob(why) if why.contains("another device")), "{error}");
            }
        }
        assert_eq!(device.snapshot().submitted, 0);
    };
    let fake = Fake::new();
    let (mut device, memory) = open(&fake);
    let (mut other, foreign) = open(&Fake::new());
    refused(&mut device, &foreign);
    refused(&mut other, &memory);
    // The addresses may be somebody else's by now.
    drop(device);
    let (mut again, _) = open(&fake);
    refused(&mut again, &memory);
    memory.reclaim().unwrap();
}
