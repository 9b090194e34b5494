//! A reset in every cycle of a job: no rule of the bus is broken, nothing arrives late, and the next job works.

use std::time::Duration;

use cbp_compiler::segment;
use cbp_driver::Device;
use cbp_sim::SimTransport;

use crate::conformance::Failure;
use crate::conformance::work::{Task, Work};

const DEADLINE: Duration = Duration::from_millis(10);
/// A short job and a long one start together.
const SIZES: [(usize, usize); 2] = [(8, 4), (40, 24)];

/// Resets the device 0, 1, 2 … cycles after a doorbell, until the jobs would have been over; returns how often.
///
/// # Errors
/// A rule of AXI was broken, a result is wrong, or a byte arrived after the reset.
pub fn in_every_cycle(device: &mut Device<SimTransport>, seed: u64) -> Result<u64, Failure> {
    let mut tasks = Vec::new();
    for (inputs, outputs) in SIZES {
        tasks.push(Work::new(device, inputs, outputs, seed)?.task(device)?);
    }
    let start = device.transport().sim().cycle();
    run(device, &mut tasks)?;
    let cycles = device.transport().sim().cycle() - start;
    for cycle in 0..cycles {
        for task in &tasks {
            let _lost = device.enqueue(&task.job)?;
        }
        device.ring()?;
        device.transport().sim().run(cycle).map_err(|e| Failure::Other(format!("cycle {cycle}: {e}")))?;
        device.reset().map_err(|e| Failure::Other(format!("a reset after {cycle} cycles: {e}")))?;
        tasks.iter_mut().try_for_each(Task::clear)?;
        run(device, &mut tasks[..1])?;
        let late = tasks[1].bytes(segment::OUTPUT)?;
        if late.iter().any(|&byte| byte != Task::<SimTransport>::CLEAR) {
            return Err(Failure::Other(format!("a reset after {cycle} cycles: data arrived after it")));
        }
    }
    Ok(cycles)
}

fn run(device: &mut Device<SimTransport>, tasks: &mut [Task<SimTransport>]) -> Result<(), Failure> {
    for task in tasks {
        let ticket = device.submit(&task.job)?;
        device.wait(ticket, DEADLINE)?;
        task.check()?;
    }
    Ok(())
}
