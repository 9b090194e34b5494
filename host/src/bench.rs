//! Measures one random layer on the simulated accelerator.

use std::path::PathBuf;
use std::time::Instant;

use cbp_compiler::predict::{Timing as Predicted, simulate};
use cbp_compiler::{CompileError, Keep, Options, compile};
use cbp_isa::{Config, WeightSet};
use cbp_numerics::NetworkError;
use cbp_numerics::random::{Random, Shape, network};
use cbp_sim::{SimOptions, Timing};
use serde::Serialize;

use crate::compare::{compare, scalar_model};
use crate::runtime::{RunError, Session, SimulatorError, simulator};

/// What to measure.
#[derive(Clone, Debug)]
pub struct LayerBench {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Images.
    pub batch: usize,
    /// Weights; `None`: int8.
    pub set: Option<WeightSet>,
    /// The device.
    pub config: Config,
    /// Cycles from a read request to its first beat, and from a write to its response.
    pub latency: u32,
    /// FST file to write.
    pub trace: Option<PathBuf>,
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Clock cycles, from the first instruction to the last write response.
    pub cycles: u64,
    /// What the cycle model says.
    pub predicted_cycles: u64,
    /// Σ(MACs × digit passes) / (K·N·cycles).
    pub mac_utilization: f64,
    /// Cycles that the array waited for LOAD.
    pub wait_load: u64,
    /// Cycles that the array waited for STORE.
    pub wait_store: u64,
    /// Values compared with the scalar model.
    pub compared: u64,
    /// Those that differ.
    pub mismatches: u64,
    /// Simulated cycles per second of this run; depends on the machine and its load.
    pub simulated_cycles_per_second: f64,
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
    /// A fault of the compiler.
    #[error("the compiled program waits for itself; this is a fault of the compiler")]
    Order,
}

/// Runs the layer and compares it with the scalar model.
///
/// # Errors
/// Whatever keeps the layer from running.
pub fn measure(bench: &LayerBench) -> Result<Figures, BenchError> {
    let config = &bench.config;
    let shape = Shape { outputs: bench.outputs, set: bench.set, raw: false, extreme: false };
    let network = network(bench.inputs, &[shape], 1)?;
    let keep = Keep::Output;
    let program = compile(&network, config, Options { batch: bench.batch, keep })?;
    let latency = u64::from(bench.latency);
    let timing = Predicted { read_latency: latency, write_latency: latency, ..Predicted::default() };
    let predicted_cycles = simulate(&program, &timing).map_err(|_| BenchError::Order)?.cycles;
    let products: u64 = program.layers.iter().map(|l| l.products).sum();
    let options = SimOptions {
        timing: Timing::Fixed { read_latency: bench.latency, write_latency: bench.latency },
        trace: bench.trace.is_some(),
        ..SimOptions::default()
    };
    let mut device = simulator(config, &options)?;
    device.transport().sim().trace(bench.trace.as_deref())?;
    let input = Random(2).bytes(bench.batch * bench.inputs);
    let (before, start) = (device.transport().sim().cycle(), Instant::now());
    let run = Session::new(&mut device, program, keep)?.run(&input)?;
    let seconds = start.elapsed().as_secs_f64();
    let simulated = device.transport().sim().cycle() - before;
    device.transport().sim().trace(None)?;
    let comparison = compare(&run.layers, &scalar_model(&network, &input)?, keep);
    Ok(Figures {
        cycles: run.cycles,
        predicted_cycles,
        mac_utilization: products as f64 / ((config.lanes * config.columns) as f64 * run.cycles as f64),
        wait_load: run.wait_load,
        wait_store: run.wait_store,
        compared: comparison.compared,
        mismatches: comparison.mismatches,
        simulated_cycles_per_second: simulated as f64 / seconds,
    })
}
