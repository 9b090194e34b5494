//! Measures networks on the simulated accelerator, or predicts their cycles; and training on the CPU.
//!
//! - [`Bench`]: what to measure; [`measure`], [`predict`]
//! - [`Figures`]: what was measured
//! - [`Workload`]: which network
//! - [`TrainBench`], [`measure_training`]: training

mod figures;
mod train;
mod workload;

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::time::Instant;

use cbp_compiler::predict::{Prediction, Timing as Predicted, simulate};
use cbp_compiler::{CompileError, Keep, Options, Program, compile};
use cbp_isa::Config;
use cbp_numerics::random::Random;
use cbp_numerics::{Network, NetworkError};
use cbp_sim::{Link, SimOptions, Timeline, Timing};

use crate::compare::{compare, scalar_model};
use crate::runtime::{RunError, Session, SimulatorError, simulator};

pub use figures::{Cycles, Figures, LayerFigures, LinkFigures};
pub use train::{MODELS, TrainBench, TrainBenchError, TrainFigures, TrainRow, measure_training, peak_mib};
pub use workload::{UnknownWorkload, Workload};

/// What to measure.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Bench {
    /// The network.
    pub workload: Workload,
    /// Images.
    pub batch: usize,
    /// The device.
    pub config: Config,
    /// Results stay on chip for the next layer where they can.
    pub on_chip: bool,
    /// Weights that fit stay from run to run: cycles are those of a run that finds them.
    pub resident: bool,
    /// The memory behind the AXI port.
    pub memory: Memory,
    /// Cycles of each layer, from a model that is watched inside.
    pub layers: bool,
    /// Compare with the scalar model.
    pub compare: bool,
    /// FST file to write.
    pub trace: Option<PathBuf>,
    /// Trace of the engines to write, for Perfetto.
    pub timeline: Option<PathBuf>,
}

/// What is behind the AXI port.
#[derive(Clone, Debug)]
pub enum Memory {
    /// One beat per cycle, the first after so many cycles; a write's response after as many.
    Fixed(u32),
    /// A `PCIe` link.
    Link(Link),
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The layer is too large.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The device cannot run it.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// There is no device.
    #[error(transparent)]
    Simulator(#[from] SimulatorError),
    /// The simulation failed.
    #[error(transparent)]
    Sim(#[from] cbp_sim::SimError),
    /// The device failed.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The device failed.
    #[error(transparent)]
    Driver(#[from] cbp_driver::Error),
    /// A trace cannot be written.
    #[error("cannot write {path}: {error}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A fault of the compiler.
    #[error("the compiled program waits for itself; this is a fault of the compiler")]
    Order,
}

impl Bench {
    /// A workload on a device, as `cbp bench device` measures it unless told otherwise.
    #[must_use]
    pub const fn new(workload: Workload, batch: usize, config: Config) -> Self {
        Self {
            workload,
            batch,
            config,
            on_chip: true,
            resident: false,
            memory: Memory::Fixed(200),
            layers: false,
            compare: true,
            trace: None,
            timeline: None,
        }
    }

    fn compile(&self) -> Result<(Network, Program), BenchError> {
        let network = self.workload.network(self.config.weight_set)?;
        let options = Options {
            batch: self.batch,
            keep: Keep::Output,
            on_chip: self.on_chip,
            resident: self.resident,
            timing: self.memory.timing(&self.config),
        };
        let program = compile(&network, &self.config, options)?;
        Ok((network, program))
    }

    fn prediction(&self, program: &Program) -> Result<Prediction, BenchError> {
        simulate(program, &self.memory.timing(&self.config)).map_err(|_| BenchError::Order)
    }
}

impl Memory {
    /// What the cycle model and the compiler assume of it.
    fn timing(&self, config: &Config) -> Predicted {
        match self {
            Self::Fixed(latency) => {
                let latency = u64::from(*latency);
                Predicted { read_latency: latency, write_latency: latency, ..Predicted::default() }
            }
            Self::Link(link) => {
                let clock = SimOptions::default().clock_hz as f64;
                let beat = config.beat_bytes() as f64 * clock / link.bytes_per_second() as f64;
                let parts = |cycles: f64| (cycles.max(1.0) * Predicted::BEAT as f64) as u64;
                let (read_beat, write_beat) = (beat / link.read_efficiency(), beat / link.write_efficiency());
                let beats = |bytes: u32| f64::from(bytes) / config.beat_bytes() as f64;
                let cycles = |ns: u32| f64::from(ns) * clock / 1e9;
                // The first completion is there when its last byte is; a read waits for the writes before it.
                let first = beats(link.completion_max) * read_beat;
                let waits = cycles(link.write_delay_ns) / 2.0;
                Predicted {
                    read_latency: (cycles(link.read_latency_ns) + first + waits) as u64,
                    // The bridge answers when it has the write.
                    write_latency: 8,
                    read_beat: parts(read_beat),
                    write_beat: parts(write_beat),
                    ..Predicted::default()
                }
            }
        }
    }
}

/// Compiles and predicts, without a device.
///
/// # Errors
/// Whatever keeps the network from being compiled.
pub fn predict(bench: &Bench) -> Result<Figures, BenchError> {
    let (network, program) = bench.compile()?;
    let prediction = bench.prediction(&program)?;
    Ok(Figures::predicted(network.name(), bench.batch, &program, &prediction))
}

/// Compiles, runs on the simulated device, and compares with the scalar model.
///
/// # Errors
/// Whatever keeps the network from running.
pub fn measure(bench: &Bench) -> Result<Figures, BenchError> {
    let config = &bench.config;
    let (network, program) = bench.compile()?;
    let prediction = bench.prediction(&program)?;
    let mut figures = Figures::predicted(network.name(), bench.batch, &program, &prediction);
    let watched = bench.layers || bench.timeline.is_some();
    let options = SimOptions {
        timing: match &bench.memory {
            Memory::Fixed(latency) => Timing::Fixed { read_latency: *latency, write_latency: *latency },
            Memory::Link(link) => Timing::Link(link.clone()),
        },
        trace: bench.trace.is_some(),
        timeline: watched,
        ..SimOptions::default()
    };
    let mut device = simulator(config, &options)?;
    device.transport().sim().trace(bench.trace.as_deref())?;
    let input = Random(2).bytes(bench.batch * network.inputs());
    let (before, start) = (device.transport().sim().cycle(), Instant::now());
    let mut session = Session::new(&mut device, program.clone(), Keep::Output)?;
    figures.load_cycles = Some(session.load()?);
    if watched {
        session.device().transport().sim().start_timeline();
    }
    let counters = session.device().counters()?;
    let run = session.run(&input)?;
    let seconds = start.elapsed().as_secs_f64();
    let after = device.counters()?;
    let simulated = device.transport().sim().cycle() - before;
    device.transport().sim().trace(None)?;
    figures.simulated_cycles_per_second = Some(simulated as f64 / seconds);
    figures.measured(run.cycles, &counters, &after);
    figures.link = device.transport().sim().link_report().map(|report| LinkFigures::new(&report));
    if let Some(recording) = device.transport().sim().take_timeline() {
        figures.time_layers(&program, &recording, run.cycles);
        write_timeline(bench, &program, &recording)?;
    }
    if bench.compare {
        let comparison = compare(&run.layers, &scalar_model(&network, &input)?, Keep::Output);
        (figures.compared, figures.mismatches) = (comparison.compared, comparison.mismatches);
    }
    Ok(figures)
}

/// Writes the recording, if it is asked for; instructions are named by their layers.
fn write_timeline(bench: &Bench, program: &Program, recording: &Timeline) -> Result<(), BenchError> {
    let Some(path) = &bench.timeline else { return Ok(()) };
    let failed = |error| BenchError::Write { path: path.clone(), error };
    let file = BufWriter::new(File::create(path).map_err(failed)?);
    let labels = figures::labels(program);
    let label = |engine: cbp_sim::Engine, index: usize| {
        let all = &labels[engine as usize];
        all.get(index % all.len().max(1)).cloned().unwrap_or_default()
    };
    recording.write_trace(file, SimOptions::default().clock_hz, label).map_err(failed)
}
