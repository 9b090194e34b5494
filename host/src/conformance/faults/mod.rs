//! What the driver does when something goes wrong: every fault ends in a typed error before its deadline, nothing
//! hangs or leaks, and the next job after a reset is right.
//!
//! - [`run`]: all faults on a back end; [`FAULTS`]: what they are and what they must end in
//! - [`memory`]: what only a simulation's memory can be made to do
//! - [`inject`]: a back end that fails on demand
//!
//! `docs/faults.md` is the matrix in words; faults that only one kind of back end can have are tested with it.

pub mod inject;
pub mod memory;

use std::time::Duration;

use cbp_compiler::segment;
use cbp_driver::{Device, Error, Options, Reset, Transport, TransportError};
use cbp_isa::registers;
use cbp_isa::ring::ErrorCode;

use super::work::{Task, Work};
use super::{CaseReport, DEADLINE, Failure};
use inject::{Control, Fault, Injected};

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before the device is opened.
    Opening,
    /// From before the device is opened until a job was waited for.
    Throughout,
    /// Before a job is submitted.
    Before,
    /// While a job runs.
    During,
    /// While memory is allocated.
    Allocating,
    /// While the device is reset.
    Resetting,
}

/// A fault and what it must end in.
pub struct FaultCase {
    /// What goes wrong, and what follows.
    pub name: &'static str,
    pub(super) when: When,
    pub(super) fault: Fault,
    expect: fn(&Result<(), Error>) -> bool,
}

const fn case(
    name: &'static str,
    when: When,
    fault: Fault,
    expect: fn(&Result<(), Error>) -> bool,
) -> FaultCase {
    FaultCase { name, when, fault, expect }
}

const fn gone(name: &'static str, when: When, fault: Fault) -> FaultCase {
    FaultCase { name, when, fault, expect: |r| matches!(r, Err(Error::DeviceGone)) }
}

/// All faults that any back end can have.
pub const FAULTS: &[FaultCase] = &[
    gone("removed before it is opened: gone", When::Opening, Fault::Removed),
    gone("removed while idle: gone", When::Before, Fault::Removed),
    gone("removed in the middle of a job: gone", When::During, Fault::Removed),
    gone("removed after the doorbell: gone", When::Before, Fault::RemovedAfter(1)),
    gone("unplugged, and the kernel says so: gone", When::During, Fault::Unplugged),
    case("another device at this address: refused", When::Opening, Fault::Reads(registers::MAGIC, 7), |r| {
        matches!(r, Err(Error::NotOurs(7)))
    }),
    case(
        "another version of the register map: refused",
        When::Opening,
        Fault::Reads(registers::ISA_VERSION, 0x7f_0000),
        |r| matches!(r, Err(Error::WrongVersion { device: 0x7f_0000, .. })),
    ),
    case(
        "a configuration that cannot be: refused",
        When::Opening,
        Fault::Reads(registers::CONFIG_ARRAY, 0),
        |r| matches!(r, Err(Error::BadConfig(_))),
    ),
    case(
        "fewer address bits than memory needs, or than exist: refused",
        When::Opening,
        Fault::Reads(registers::DMA_ADDRESS_BITS, 3),
        |r| matches!(r, Err(Error::BadConfig(_))),
    ),
    case(
        "unknown capability bits: nothing changes",
        When::Opening,
        Fault::Reads(registers::CAPABILITIES, 0xffff_0000),
        Result::is_ok,
    ),
    case("no memory when it is opened: refused", When::Opening, Fault::NoMemory, no_memory),
    case("no memory for a buffer: refused", When::Allocating, Fault::NoMemory, no_memory),
    case("memory beyond the device's address bits: refused", When::Opening, Fault::Beyond, |r| {
        matches!(r, Err(Error::Unreachable { .. }))
    }),
    case(
        "the device may not access memory: neither the command nor its completion gets through",
        When::Throughout,
        Fault::NoMaster,
        |r| matches!(r, Err(Error::LostCompletion { .. })),
    ),
    case("interrupts are lost: the job is late, not lost", When::Before, Fault::NoInterrupts, Result::is_ok),
    case(
        "interrupts without a cause: nothing changes",
        When::Before,
        Fault::EndlessInterrupts,
        Result::is_ok,
    ),
    case(
        "the doorbell is not heard: a time-out with the state",
        When::Before,
        Fault::Deaf(registers::QUEUE_COMMAND_PRODUCER),
        |r| matches!(r, Err(Error::Timeout { snapshot, .. }) if snapshot.submitted == snapshot.completed + 1),
    ),
    case(
        "registers take longer than the deadline: the job is late, or a time-out",
        When::Before,
        Fault::Stall(Duration::from_millis(3)),
        |r| matches!(r, Ok(()) | Err(Error::Timeout { .. })),
    ),
    case(
        "a completion with another sequence number",
        When::Before,
        Fault::Completion(|w| w[1] ^= 1 << 40),
        bad,
    ),
    case("a completion with another cookie", When::Before, Fault::Completion(|w| w[0] ^= 1), bad),
    case("a completion of a job before the reset", When::Before, Fault::Completion(|w| w[0] ^= 1 << 32), bad),
    case(
        "a completion with a status that there is not",
        When::Before,
        Fault::Completion(|w| w[1] |= 0xc8),
        bad,
    ),
    case("a completion whose phase goes back", When::Before, Fault::Completion(|w| w[3] ^= 1 << 63), bad),
    case("a phase that is stale, or read too early", When::During, Fault::StalePhase, |r| {
        matches!(r, Err(Error::BadCompletion { .. } | Error::LostCompletion { .. }))
    }),
    case(
        "a command whose program is nowhere: the job fails",
        When::Before,
        Fault::Command(|w| w[4] = 0x7f_ffff_f000),
        |r| matches!(r, Err(Error::JobFailed { code: ErrorCode::ReadResponse, .. })),
    ),
    case(
        "a command whose result goes nowhere: the job fails",
        When::Before,
        Fault::Command(|w| w[4 + 2 * segment::OUTPUT] = 0x7f_ffff_f000),
        |r| matches!(r, Err(Error::JobFailed { code: ErrorCode::WriteResponse, .. })),
    ),
    case(
        "a command without instructions: the job fails",
        When::Before,
        Fault::Command(|w| w[3] &= !0xffff_ffff),
        |r| matches!(r, Err(Error::JobFailed { code: ErrorCode::BadDescriptor, .. })),
    ),
    case(
        "a command with a reserved page size: the job fails",
        When::Before,
        Fault::Command(|w| w[5] |= 13 << 32),
        |r| matches!(r, Err(Error::JobFailed { code: ErrorCode::BadDescriptor, .. })),
    ),
    case(
        "the soft reset does not end: a time-out, after harder resets",
        When::Resetting,
        Fault::Reads(registers::STATUS, 0),
        |r| matches!(r, Err(Error::Timeout { what: "end of the reset", .. })),
    ),
    case(
        "indices survive the reset: refused",
        When::Resetting,
        Fault::Reads(registers::QUEUE_COMMAND_CONSUMER, 5),
        |r| matches!(r, Err(Error::Timeout { .. })),
    ),
];

fn no_memory(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::Transport(TransportError::NoMemory(_))))
}

fn bad(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::BadCompletion { .. }))
}

/// Runs all faults; `attach` attaches to the device, `patience` is the deadline of waits that must end in a fault, on
/// the device's scale.
pub fn run<T: Transport>(
    attach: &mut dyn FnMut() -> Result<T, Error>,
    patience: Duration,
    seed: u64,
    mut report: impl FnMut(&CaseReport),
) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    let names = FAULTS.iter().map(|case| case.name).chain([
        "a function-level reset under load: an error, not a hang",
        "every step of opening fails in turn: nothing stays behind",
    ]);
    for (index, name) in names.enumerate() {
        let result = match (FAULTS.get(index), index - FAULTS.len().min(index)) {
            (Some(case), _) => happens(attach, case, patience, seed),
            (None, 0) => reset_under_load(attach, patience, seed),
            (None, _) => opening_fails(attach, seed),
        };
        reports.push(CaseReport { name, failure: result.err().map(|failure| failure.to_string()) });
        if let Some(last) = reports.last() {
            report(last);
        }
    }
    reports
}

type Attach<'a, T> = &'a mut dyn FnMut() -> Result<T, Error>;

fn other<R>(what: impl Into<String>) -> Result<R, Failure> {
    Err(Failure::Other(what.into()))
}

/// One fault: the error it must end in, the next job after a reset, and no memory left.
fn happens<T: Transport>(
    attach: Attach<'_, T>,
    case: &FaultCase,
    patience: Duration,
    seed: u64,
) -> Result<(), Failure> {
    let control = Control::default();
    let open = |control: &Control, attach: Attach<'_, T>| {
        Device::open(
            Injected::new(attach()?, control.clone()),
            Options { ring_log2: 2, reset_timeout: patience, ..Options::default() },
        )
    };
    if case.when == When::Opening {
        control.set(Some(case.fault));
        check(case, &open(&control, attach).map(drop))?;
        control.set(None);
    }
    if case.when == When::Throughout {
        control.set(Some(case.fault));
    }
    let mut device = open(&control, attach)?;
    let mut work = Work::new(&mut device, 60, 40, seed)?;
    if case.when != When::Throughout {
        job(&mut device, &mut work)?;
    }
    if case.when != When::Opening {
        let task = work.task(&mut device)?;
        let start = device.transport().now();
        let result = fail(&mut device, &task, case, &control, patience);
        let took = device.transport().now().saturating_sub(start);
        check(case, &result)?;
        if took > patience * 20 {
            return other(format!("it took {took:?} of device time"));
        }
        control.set(None);
        recover(&mut device)?;
    }
    job(&mut device, &mut work)?;
    drop((work, device));
    match control.live() {
        0 => Ok(()),
        live => other(format!("{live} buffers are left")),
    }
}

/// Does what the fault hits.
fn fail<T: Transport>(
    device: &mut Device<Injected<T>>,
    task: &Task<Injected<T>>,
    case: &FaultCase,
    control: &Control,
    patience: Duration,
) -> Result<(), Error> {
    let wait = |device: &mut Device<Injected<T>>, ticket| {
        device.wait(ticket, patience)?;
        match case.fault {
            // The job was over before anybody looked; the next look finds nothing.
            Fault::Removed | Fault::RemovedAfter(_) | Fault::Unplugged => device.counters().map(drop),
            _ => Ok(()),
        }
    };
    match case.when {
        When::Opening => Ok(()),
        When::Throughout | When::Before => {
            control.set(Some(case.fault));
            let ticket = device.submit(&task.job)?;
            wait(device, ticket)
        }
        When::During => {
            let ticket = device.submit(&task.job)?;
            control.set(Some(case.fault));
            wait(device, ticket)
        }
        When::Allocating => {
            control.set(Some(case.fault));
            device.allocate(100).map(|_| ())
        }
        When::Resetting => {
            control.set(Some(case.fault));
            device.reset()
        }
    }
}

fn check(case: &FaultCase, result: &Result<(), Error>) -> Result<(), Failure> {
    if (case.expect)(result) {
        return Ok(());
    }
    match result {
        Ok(()) => other("nothing failed"),
        Err(error) => other(format!("it ended in: {error}")),
    }
}

/// After whatever happened: the device is reset, and takes jobs.
fn recover<T: Transport>(device: &mut Device<T>) -> Result<(), Failure> {
    Ok(device.reset()?)
}

fn job<T: Transport>(device: &mut Device<T>, work: &mut Work<T>) -> Result<(), Failure> {
    let mut task = work.task(device)?;
    let ticket = device.submit(&task.job)?;
    device.wait(ticket, DEADLINE)?;
    task.check()
}

fn reset_under_load<T: Transport>(
    attach: Attach<'_, T>,
    patience: Duration,
    seed: u64,
) -> Result<(), Failure> {
    let control = Control::default();
    let mut device = Device::open(Injected::new(attach()?, control.clone()), Options::default())?;
    let mut work = Work::new(&mut device, 120, 100, seed)?;
    let task = work.task(&mut device)?;
    let tickets = [0, 1, 2].map(|_| device.submit(&task.job));
    match device.transport().reset(Reset::Function) {
        Err(TransportError::Unsupported(_)) => return Ok(()),
        other => other.map_err(Error::from)?,
    }
    for ticket in tickets {
        // Done before the reset, or never.
        if let Err(Error::StaleTicket) = device.wait(ticket?, patience) {
            return other("a ticket is stale though the driver did not reset the device");
        }
    }
    device.reset()?;
    job(&mut device, &mut work)?;
    drop((work, task, device));
    if control.live() == 0 { Ok(()) } else { other(format!("{} buffers are left", control.live())) }
}

fn opening_fails<T: Transport>(attach: Attach<'_, T>, seed: u64) -> Result<(), Failure> {
    let mut left = 0;
    for fuse in 0..200 {
        let control = Control::default();
        control.set(Some(Fault::Fuse(fuse)));
        let opened = Device::open(Injected::new(attach()?, control.clone()), Options::default());
        control.set(None);
        let Ok(mut device) = opened else {
            // The step that enables the queue may have reached the device: then it keeps the rings, and no other does.
            left += usize::from(control.live() > 0);
            if left > 1 {
                return other(format!("{} buffers are left by step {fuse}", control.live()));
            }
            continue;
        };
        let mut work = Work::new(&mut device, 16, 8, seed)?;
        job(&mut device, &mut work)?;
        return if fuse > 20 { Ok(()) } else { other(format!("opening has only {fuse} steps")) };
    }
    other("opening never succeeds")
}
