//! How much of the emitted Verilog the whole-path cases exercise: lines that run, bits that go up and down.
//!
//! - [`measure`]: builds the core with Verilator's counters, runs the [cases], merges what they count
//! - [`points`]: the counted points; [`exclusions`]: those that no run can reach
//! - [`Report`]: per module and in total

pub mod exclusions;
pub mod points;
mod report;

use cbp_driver::{Device, Options};
use cbp_isa::WeightSet;
use cbp_sim::{SimOptions, SimTransport, Timing};

use crate::cases::{self, faults, instructions, long, refused, registers};
use points::Points;

pub use report::{Counts, ModuleReport, Report};

/// Why there is no coverage.
#[derive(Debug, thiserror::Error)]
pub enum CoverageError {
    /// The simulation.
    #[error(transparent)]
    Sim(#[from] cbp_sim::SimError),
    /// The device.
    #[error(transparent)]
    Driver(#[from] cbp_driver::Error),
    /// The core has no Verilog.
    #[error(transparent)]
    Verilog(#[from] cbp_hdl::VerilogError),
    /// What Verilator wrote.
    #[error(transparent)]
    Data(#[from] points::BadData),
    /// A temporary file.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A case failed: coverage of a core that does not work says nothing.
    #[error("{set} array, {case}: {reason}")]
    Case {
        /// The array.
        set: WeightSet,
        /// Which case.
        case: String,
        /// What was wrong.
        reason: String,
    },
}

/// How many cases run on every array.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Random layers.
    pub layers: u64,
    /// Random networks.
    pub networks: u64,
    /// Random programs, and as many commands and instructions that are refused.
    pub programs: u64,
}

/// Runs the workload on preset `tiny` for these sets and adds up what it reached; `progress` is told every step.
///
/// # Errors
/// A missing tool, or a case that fails.
pub fn measure(
    sets: &[WeightSet],
    workload: Workload,
    progress: &dyn Fn(&str),
) -> Result<Points, CoverageError> {
    let mut points = Points::default();
    for &set in sets {
        let failed = |case: &str| {
            let case = case.to_owned();
            move |reason| CoverageError::Case { set, case, reason }
        };
        let config = cases::tiny(set).map_err(failed("preset"))?;
        progress(&format!("{set}: build"));
        let design = cbp_hdl::verilog(&config)?;
        let options = SimOptions { coverage: true, ..SimOptions::default() };
        let transport = SimTransport::new(&design.text(), design.top(), &config, &options)?;
        let mut device = Device::open(transport, Options::default())?;
        progress(&format!("{set}: run"));
        run(&mut device, set, workload)?;
        let file = tempfile::NamedTempFile::new()?;
        device.transport().sim().write_coverage(file.path())?;
        points.add(&std::fs::read_to_string(file.path())?, &design)?;
    }
    Ok(points)
}

/// Rounds of random programs: each resets the device and draws rings and the largest burst anew.
const ROUNDS: u64 = 9;

/// Of random programs.
fn timings() -> [Timing; 3] {
    let random = |seed, max_latency| Timing::Random { seed, max_latency };
    [Timing::Fixed { read_latency: 10, write_latency: 10 }, random(1, 20), random(2, 200)]
}

fn run(device: &mut Device<SimTransport>, set: WeightSet, workload: Workload) -> Result<(), CoverageError> {
    let failed = |case: String| move |reason| CoverageError::Case { set, case, reason };
    registers::hold_what_is_written(device).map_err(failed("registers".to_owned()))?;
    let layers = (0..workload.layers).map(|seed| {
        (seed, if seed % 5 == 0 { cases::fully_connected(set, seed) } else { cases::any_kind(set, seed) })
    });
    let networks = (0..workload.networks).map(|seed| (seed, cases::graph(set, seed)));
    for (seed, case) in layers.chain(networks) {
        let name = format!("seed {seed}");
        let case = case.map_err(|e| failed(name.clone())(e.to_string()))?;
        device.transport().sim().set_timing(case.timing.clone())?;
        case.run_on(device).map_err(failed(name))?;
    }
    for (seed, timing) in (0..ROUNDS).zip(timings().into_iter().cycle()) {
        device.transport().sim().set_timing(timing)?;
        let count = workload.programs.div_ceil(ROUNDS);
        let name = |what: &str| format!("{what}, seed {seed}");
        instructions::as_interpreted(device, count, seed).map_err(failed(name("programs")))?;
        refused::all(device, 4 * count as usize, seed).map_err(failed(name("refused")))?;
        refused::behind(device, 4 * count as usize, seed).map_err(failed(name("aborted")))?;
    }
    long::all(device).map_err(failed("long jobs".to_owned()))?;
    faults::named(device).map_err(failed("faults".to_owned()))?;
    faults::lost(device).map_err(failed("lost transfers".to_owned()))?;
    Ok(())
}
