//! Many jobs of all sizes with faults in between: every result is right, or a typed error was given for it.

use cbp_driver::{Device, Error, Options, Transport};
use cbp_numerics::random::Random;
use std::time::Duration;

use super::faults::inject::{Control, Injected};
use super::faults::{FAULTS, When};
use super::work::{Task, Work};
use super::{DEADLINE, Failure};

/// Jobs per fault, on the average.
const JOBS_PER_FAULT: usize = 200;
/// Jobs in flight.
const IN_FLIGHT: usize = 4;

/// What a soak did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SoakReport {
    /// Jobs whose result was compared, and equal.
    pub right: usize,
    /// Jobs that ended in a typed error.
    pub failed: usize,
    /// Faults.
    pub faults: usize,
    /// Resets that the device needed.
    pub resets: usize,
    /// Buffers that were live at the end, before the device was closed, and at the start.
    pub live: (usize, usize),
}

/// Runs `jobs` jobs; `patience` is the deadline of jobs that a fault hits, on the device's scale.
///
/// # Errors
/// A wrong result, a device that does not recover, or memory that is left.
pub fn soak<T: Transport>(
    attach: &mut dyn FnMut() -> Result<T, Error>,
    jobs: usize,
    patience: Duration,
    seed: u64,
) -> Result<SoakReport, Failure> {
    let control = Control::default();
    let options = Options { ring_log2: 2, reset_timeout: patience, ..Options::default() };
    let mut device = Device::open(Injected::new(attach()?, control.clone()), options)?;
    let mut random = Random(seed);
    let mut tasks: Vec<Task<Injected<T>>> = Vec::new();
    for size in 0..8 {
        let (inputs, outputs) = (1 + random.below(8 << size.min(4)), 1 + random.below(8 << size.min(4)));
        let mut work = Work::new(&mut device, inputs, outputs, random.bits())?;
        for _ in 0..IN_FLIGHT {
            tasks.push(work.task(&mut device)?);
        }
    }
    let mut report = SoakReport { live: (0, control.live()), ..SoakReport::default() };
    let during: Vec<_> =
        FAULTS.iter().filter(|case| matches!(case.when, When::Before | When::During)).collect();
    let mut done = 0;
    while done < jobs {
        // Different tasks, so that each result is one job's.
        let first = random.below(tasks.len());
        let batch: Vec<usize> = (0..=random.below(IN_FLIGHT)).map(|i| (first + i) % tasks.len()).collect();
        done += batch.len();
        let fault = random.below(JOBS_PER_FAULT) < batch.len();
        for &task in &batch {
            tasks[task].clear()?;
        }
        if fault {
            report.faults += 1;
            control.set(Some(during[random.below(during.len())].fault));
        }
        let deadline = if fault { patience } else { DEADLINE };
        let submitted: Vec<_> = batch.iter().map(|&task| (task, device.submit(&tasks[task].job))).collect();
        let mut needs_reset = false;
        for (task, ticket) in submitted {
            match ticket.and_then(|ticket| device.wait(ticket, deadline)) {
                Ok(_) => {
                    tasks[task].check()?;
                    report.right += 1;
                }
                Err(error) if !fault => return Err(error.into()),
                Err(_) => {
                    report.failed += 1;
                    needs_reset = true;
                }
            }
        }
        control.set(None);
        if needs_reset {
            device.reset()?;
            report.resets += 1;
        }
    }
    report.live.0 = control.live();
    drop((tasks, device));
    if control.live() > 0 || report.live.0 != report.live.1 {
        return Err(Failure::Other(format!("buffers are left: {}, {report:?}", control.live())));
    }
    Ok(report)
}
