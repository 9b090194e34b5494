//! `cbp bench`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_host::bench::{LayerBench, measure};
use cbp_host::files::check_writable;
use cbp_isa::{Preset, WeightSet};
use clap::Subcommand;

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
        /// Weight set of the layer; the array is built for two-bit shift and runs every set
        #[arg(long, default_value = "two-bit-shift")]
        set: WeightSet,
        /// Size of the array: tiny, small, versa, axau15, acorn
        #[arg(long, default_value = "small", value_parser = super::preset)]
        preset: &'static Preset,
        /// Cycles from a read request to its first beat, and from a write to its response
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

impl Bench {
    pub fn run(&self) -> Result<ExitCode> {
        let Self::Device { layer, batch, set, preset, latency, trace, json } = self;
        if let Some(path) = trace {
            check_writable(path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let figures = measure(&LayerBench {
            inputs: layer.0,
            outputs: layer.1,
            batch: *batch,
            set: Some(*set),
            config: preset.config(WeightSet::TwoBitShift),
            latency: *latency,
            trace: trace.clone(),
        })?;
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
    parse()
        .filter(|(i, o)| *i > 0 && *o > 0)
        .ok_or_else(|| format!("{text} is not INPUTSxOUTPUTS, such as 1024x1024"))
}
