//! `cbp bench`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Result, bail};
use cbp_compiler::predict::{Timing as Predicted, simulate};
use cbp_compiler::{Keep, Options, compile};
use cbp_host::compare::{compare, scalar_model};
use cbp_host::runtime::{Session, simulator};
use cbp_isa::{Preset, WeightSet};
use cbp_numerics::{Clamp, FullyConnected, Layer, Network, Operation, Output, Requant, Weights};
use cbp_sim::{SimOptions, Timing};
use clap::Subcommand;
use serde::Serialize;

#[derive(Subcommand)]
pub enum Bench {
    /// Cycles of one fully connected layer with random weights on the simulated accelerator
    #[command(after_help = "Examples:
  cbp bench device --layer 1024x1024 --batch 64 --preset small
  cbp bench device --layer 300x40 --preset tiny --trace out.fst")]
    Device {
        /// Inputs × outputs
        #[arg(long, default_value = "1024x1024", value_parser = shape)]
        layer: (usize, usize),
        /// Images
        #[arg(long, default_value_t = 64)]
        batch: usize,
        /// Weights; the array is built for two-bit shift and runs every set
        #[arg(long, default_value = "two-bit-shift")]
        set: WeightSet,
        /// Size of the array: tiny, small, versa, axau15, acorn
        #[arg(long, default_value = "small", value_parser = super::preset)]
        preset: &'static Preset,
        /// Cycles from a read request to its first beat
        #[arg(long, default_value_t = 200)]
        latency: u32,
        /// Write an FST trace of the run
        #[arg(long, value_name = "FILE")]
        trace: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct Figures {
    cycles: u64,
    predicted_cycles: u64,
    mac_utilization: f64,
    wait_load: u64,
    wait_store: u64,
    compared: u64,
    mismatches: u64,
    simulated_cycles_per_second: f64,
}

impl Bench {
    pub fn run(&self) -> Result<ExitCode> {
        let Self::Device { layer: (inputs, outputs), batch, set, preset, latency, trace, json } = self;
        let config = preset.config(WeightSet::TwoBitShift);
        let network = random_layer(*inputs, *outputs, *set)?;
        let program = compile(&network, &config, Options { batch: *batch, keep: Keep::Output })?;
        let timing = Predicted { read_latency: u64::from(*latency), ..Predicted::default() };
        let Ok(prediction) = simulate(&program, &timing) else { bail!("the program cannot be ordered") };
        let products: u64 = program.layers.iter().map(|l| l.products).sum();
        let options = SimOptions {
            timing: Timing::Fixed { read_latency: *latency, write_latency: *latency },
            trace: trace.is_some(),
            ..SimOptions::default()
        };
        let mut device = simulator(&config, &options)?;
        device.transport().sim().trace(trace.as_deref())?;
        let input: Vec<i8> = (0..batch * inputs).map(|i| random(i as u64) as i8).collect();
        let before = device.transport().sim().cycle();
        let start = Instant::now();
        let run = Session::new(&mut device, program, Keep::Output)?.run(&input)?;
        let seconds = start.elapsed().as_secs_f64();
        let simulated = device.transport().sim().cycle() - before;
        device.transport().sim().trace(None)?;
        let comparison = compare(&run.layers, &scalar_model(&network, &input)?);
        let figures = Figures {
            cycles: run.cycles,
            predicted_cycles: prediction.cycles,
            mac_utilization: products as f64 / ((config.lanes * config.columns) as f64 * run.cycles as f64),
            wait_load: run.wait_load,
            wait_store: run.wait_store,
            compared: comparison.compared,
            mismatches: comparison.mismatches,
            simulated_cycles_per_second: simulated as f64 / seconds,
        };
        if *json {
            println!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            println!(
                "{} cycles (predicted {}), {:.1} % of K·N per cycle; waited {} for LOAD, {} for STORE",
                figures.cycles,
                figures.predicted_cycles,
                100.0 * figures.mac_utilization,
                figures.wait_load,
                figures.wait_store
            );
            println!(
                "{} values compared with the scalar model, {} differ; simulated at {:.0} cycles per second",
                figures.compared, figures.mismatches, figures.simulated_cycles_per_second
            );
        }
        Ok(if figures.mismatches == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn shape(text: &str) -> Result<(usize, usize), String> {
    let parse = || {
        let (inputs, outputs) = text.split_once('x')?;
        Some((inputs.parse().ok()?, outputs.parse().ok()?))
    };
    parse().filter(|(i, o)| *i > 0 && *o > 0).ok_or_else(|| format!("{text} is not INPUTSxOUTPUTS, such as 1024x1024"))
}

/// A reproducible number (`SplitMix64`).
fn random(index: u64) -> u64 {
    let z = index.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

fn random_layer(inputs: usize, outputs: usize, set: WeightSet) -> Result<Network> {
    let levels = set.levels();
    let codes = (0..inputs * outputs).map(|i| levels[(random(i as u64) % levels.len() as u64) as usize]).collect();
    let requant = vec![Requant { multiplier: 1 << 14, bias: 0, shift: 20 }; outputs];
    let output = Output::Requantised { requant, clamp: Clamp::full(0) };
    let weights = Weights::Constrained { set, codes };
    let fc = FullyConnected { inputs, outputs, weights, output };
    let layer = Layer { name: "fc".to_owned(), operation: Operation::FullyConnected(fc) };
    Ok(Network::new("bench", vec![layer])?)
}
