//! What the memory behind a simulated device can be made to do: errors for answers, and no answers.

use std::time::Duration;

use cbp_driver::{Device, Error, Options, Transport};
use cbp_isa::ring::ErrorCode;
use cbp_sim::{Answer, Direction, FaultPlan};

use super::inject::{Control, Injected};
use super::{job, other, recover};
use crate::conformance::work::Work;
use crate::conformance::{CaseReport, Failure};

/// Clock cycles after which the device gives a transfer up.
const WATCHDOG: u32 = 3000;

/// Which burst of a job.
#[derive(Clone, Copy)]
enum Burst {
    /// After so many others; the first that is read is the command.
    After(u64),
    /// The last that is written is the completion.
    Last,
}

/// A burst, its answer, and what the job must end in.
struct Case {
    name: &'static str,
    direction: Direction,
    burst: Burst,
    answer: Answer,
    expect: fn(&Error) -> bool,
}

const fn read(name: &'static str, after: u64, answer: Answer, expect: fn(&Error) -> bool) -> Case {
    Case { name, direction: Direction::Read, burst: Burst::After(after), answer, expect }
}

const fn write(name: &'static str, burst: Burst, answer: Answer, expect: fn(&Error) -> bool) -> Case {
    Case { name, direction: Direction::Write, burst, answer, expect }
}

const CASES: &[Case] = &[
    read("a command is answered with SLVERR: the job fails", 0, Answer::SlaveError, bad_read),
    read("a read is answered with SLVERR: the job fails", 3, Answer::SlaveError, bad_read),
    read("a read is answered with DECERR: the job fails", 4, Answer::DecodeError, bad_read),
    read("a command never arrives: wedged", 0, Answer::Lost, wedged),
    read("a read never completes: wedged", 3, Answer::Lost, wedged),
    write("a write is answered with SLVERR: the job fails", Burst::After(0), Answer::SlaveError, bad_write),
    write("a write is answered with DECERR: the job fails", Burst::After(0), Answer::DecodeError, bad_write),
    write("a write is never answered: wedged", Burst::After(0), Answer::Lost, wedged),
    write("a completion is answered with SLVERR: lost", Burst::Last, Answer::SlaveError, lost),
    write("a completion is answered with DECERR: lost", Burst::Last, Answer::DecodeError, lost),
    write("a completion is never answered: wedged", Burst::Last, Answer::Lost, wedged),
];

fn bad_read(error: &Error) -> bool {
    matches!(error, Error::JobFailed { code: ErrorCode::ReadResponse, .. })
}

fn bad_write(error: &Error) -> bool {
    matches!(error, Error::JobFailed { code: ErrorCode::WriteResponse, .. })
}

fn wedged(error: &Error) -> bool {
    matches!(error, Error::Wedged { .. })
}

fn lost(error: &Error) -> bool {
    matches!(error, Error::LostCompletion { .. })
}

/// Runs all of them; `attach` attaches to the device and gives what plans its memory's answers, `patience` is the
/// deadline of waits, on the device's scale.
pub fn run<T: Transport>(
    attach: &mut dyn FnMut() -> Result<(T, FaultPlan), Error>,
    patience: Duration,
    seed: u64,
    mut report: impl FnMut(&CaseReport),
) -> Vec<CaseReport> {
    let mut reports = Vec::new();
    for case in CASES {
        let result = happens(attach, case, patience, seed);
        reports
            .push(CaseReport { name: case.name, failure: result.err().map(|failure| failure.to_string()) });
        if let Some(last) = reports.last() {
            report(last);
        }
    }
    reports
}

/// One of them: the error it must end in, the next job after a reset, and no memory left.
fn happens<T: Transport>(
    attach: &mut dyn FnMut() -> Result<(T, FaultPlan), Error>,
    case: &Case,
    patience: Duration,
    seed: u64,
) -> Result<(), Failure> {
    let control = Control::default();
    let (transport, plan) = attach()?;
    let options =
        Options { ring_log2: 2, reset_timeout: patience, dma_timeout: Some(WATCHDOG), ..Options::default() };
    let mut device = Device::open(Injected::new(transport, control.clone()), options)?;
    let mut work = Work::new(&mut device, 60, 40, seed)?;
    let before = plan.bursts(case.direction);
    job(&mut device, &mut work)?;
    let bursts = plan.bursts(case.direction) - before;
    let skip = match case.burst {
        Burst::After(others) => others,
        Burst::Last => bursts - 1,
    };
    if skip >= bursts {
        return other(format!("a job has only {bursts} bursts"));
    }
    let task = work.task(&mut device)?;
    plan.inject(case.direction, skip, case.answer);
    let ticket = device.submit(&task.job)?;
    match device.wait(ticket, patience) {
        Ok(_) => return other("nothing failed"),
        Err(error) if !(case.expect)(&error) => return other(format!("it ended in: {error}")),
        Err(_) => {}
    }
    recover(&mut device)?;
    job(&mut device, &mut work)?;
    drop((task, work, device));
    match control.live() {
        0 => Ok(()),
        live => other(format!("{live} buffers are left")),
    }
}
