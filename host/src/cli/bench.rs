//! `cbp bench`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use cbp_host::bench::{
    Bench as Measurement, Figures, Memory, TrainBench, TrainRow, Workload, measure, measure_training, predict,
};
use cbp_host::files::check_writable;
use cbp_isa::WeightSet;
use cbp_sim::Link;
use clap::{Args, Subcommand};

use super::array::Array;

#[derive(Subcommand)]
pub enum Bench {
    /// Cycles of a network or layer with random weights on the simulated accelerator
    #[command(after_help = "Examples:
  cbp bench device --net resnet18 --preset small
  cbp bench device --net conv:7x7s2,3-64,224 --int8 --preset small --layers
  cbp bench device --net fc:1024x1024 --batch 64
  cbp bench device --net resnet18 --preset acorn --batch 16 --link gen2x4 --predict
  cbp bench device --net resnet20 --timeline out.json    # open in https://ui.perfetto.dev
Networks: lenet5, resnet20, alexnet, vgg16, googlenet, resnet18, resnet50 (NAME@SIZE for another input size).")]
    Device(Device),
    /// Training steps on this CPU, beside the most f32 operations it could do
    #[command(after_help = "Examples:
  cbp bench train
  cbp bench train --threads 2 --json
  cbp bench train --overhead two-bit-shift    # and what CBP's multipliers add to a step")]
    Train(Train),
}

#[derive(Args)]
pub struct Train {
    /// Threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Measured steps of each network; the best counts
    #[arg(long, default_value_t = 10)]
    steps: usize,
    /// Networks: mlp, vgg7, resnet18
    #[arg(long, value_delimiter = ',', default_value = "mlp,vgg7,resnet18")]
    models: Vec<String>,
    /// Measure what the multipliers add to a step, for this weight set
    #[arg(long, value_name = "SET")]
    overhead: Option<WeightSet>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Train {
    fn run(&self) -> Result<ExitCode> {
        let bench = TrainBench {
            threads: self.threads.max(1),
            steps: self.steps.max(1),
            models: self.models.clone(),
            overhead: self.overhead,
        };
        let figures = measure_training(&bench, |row| {
            if !self.json {
                print_training(row);
            }
        })?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            println!("load before: {:.2}", figures.load);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print_training(row: &TrainRow) {
    let overhead = row.cbp_overhead.map(|share| format!(", multipliers add {:.1} %", 100.0 * share));
    println!(
        "{:10} batch {:3}: {:8.1} images/s, {:6.1} GFLOP/s, {:.3} of the roof of {} × {:.1}; on average {:.3} of the {:.1} sustained between steps; CPU/wall {:.2}, peak {:.0} MiB{}",
        row.model,
        row.batch,
        row.images_per_s,
        row.gflops,
        row.fraction,
        row.threads,
        row.roof_gflops,
        row.fraction_of_sustained,
        row.sustained_gflops,
        row.cpu_over_wall,
        row.peak_mib,
        overhead.unwrap_or_default()
    );
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of the command line")]
pub struct Device {
    /// A network, fc:INPUTSxOUTPUTS, or conv:KxKsSTRIDE,INPUTS-OUTPUTS,SIZE
    #[arg(long, value_name = "NET", default_value = "fc:1024x1024")]
    net: Workload,
    #[command(flatten)]
    array: Array,
    /// Images
    #[arg(long, default_value_t = 1)]
    batch: usize,
    /// Single layers: 8-bit weights instead of the array's set
    #[arg(long)]
    int8: bool,
    /// Cycles from a read request to its first beat, and from a write to its response
    #[arg(long, default_value_t = 200)]
    latency: u32,
    /// A PCIe link instead: gen2x4, or with options such as gen3x4,latency=800,payload=128,reorder,seed=7
    #[arg(long)]
    link: Option<Link>,
    /// Store every result, also where it could stay on chip
    #[arg(long)]
    no_keep: bool,
    /// Weights that fit stay from run to run; the cycles are those of a run that finds them
    #[arg(long)]
    resident: bool,
    /// Only predict, do not simulate
    #[arg(long, conflicts_with_all = ["layers", "trace", "timeline"])]
    predict: bool,
    /// Do not compare with the scalar model
    #[arg(long)]
    no_compare: bool,
    /// Measure the cycles of every layer
    #[arg(long)]
    layers: bool,
    /// Write what the engines did, for Perfetto
    #[arg(long, value_name = "FILE")]
    timeline: Option<PathBuf>,
    /// Write an FST trace of the run
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Bench {
    pub fn run(&self) -> Result<ExitCode> {
        match self {
            Self::Device(device) => device.run(),
            Self::Train(train) => train.run(),
        }
    }
}

/// Says before a long run that a file cannot be written.
fn writable(path: Option<&Path>) -> Result<()> {
    match path {
        Some(path) => check_writable(path).with_context(|| format!("cannot write {}", path.display())),
        None => Ok(()),
    }
}

impl Device {
    pub fn run(&self) -> Result<ExitCode> {
        writable(self.trace.as_deref())?;
        writable(self.timeline.as_deref())?;
        let config = self.array.config()?;
        let weights: Option<WeightSet> = (!self.int8).then_some(config.weight_set);
        let bench = Measurement {
            on_chip: !self.no_keep,
            resident: self.resident,
            memory: self.link.clone().map_or(Memory::Fixed(self.latency), Memory::Link),
            layers: self.layers,
            compare: !self.no_compare,
            trace: self.trace.clone(),
            timeline: self.timeline.clone(),
            ..Measurement::new(self.net.clone().with_weights(weights), self.batch, config)
        };
        let figures = if self.predict { predict(&bench)? } else { measure(&bench)? };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            print(&figures, self.layers || self.predict);
        }
        Ok(if figures.mismatches == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }
}

fn print(figures: &Figures, layers: bool) {
    if layers {
        println!("{:24} {:>10} {:>10} {:>13} {:>7}", "layer", "cycles", "predicted", "products", "lanes %");
        for layer in &figures.layers {
            let cycles = layer.cycles.map_or_else(|| "-".to_owned(), |cycles| cycles.to_string());
            println!(
                "{:24} {cycles:>10} {:>10} {:>13} {:>7.1}",
                layer.name,
                layer.predicted_cycles,
                layer.products,
                100.0 * layer.mac_utilization
            );
        }
    }
    let cycles = figures.cycles.map_or_else(|| "not simulated".to_owned(), |c| format!("{c} cycles"));
    println!(
        "{}, batch {}: {cycles} (predicted {}), {:.1} % of K·N per cycle, digit passes counted; {:.1} % without",
        figures.network,
        figures.batch,
        figures.predicted_cycles,
        100.0 * figures.mac_utilization,
        100.0 * figures.mac_utilization_single_pass
    );
    if let Some(split) = figures.split {
        println!(
            "cycles: {} MAC-active, {} load-starved, {} store-blocked, {} PPU-bound, {} idle",
            split.mac_active, split.load_starved, split.store_blocked, split.ppu_bound, split.idle
        );
    }
    println!(
        "{} instructions; {} bytes read, {} written; {} of {} layers stay on chip",
        figures.instructions,
        figures.bytes_read,
        figures.bytes_written,
        figures.kept_layers,
        figures.layers.len()
    );
    if figures.resident_bytes > 0 {
        let cycles = figures.load_cycles.map(|c| format!(", in {c} cycles")).unwrap_or_default();
        println!("{} bytes of weights and parameters loaded once before{cycles}", figures.resident_bytes);
    }
    if let Some(link) = figures.link {
        println!(
            "link: {} bytes down ({:.0} % of it used, headers included), {} up ({:.0} %)",
            link.read_bytes,
            100.0 * link.downstream,
            link.written_bytes,
            100.0 * link.upstream
        );
    }
    if figures.compared > 0 {
        println!("{} values compared with the scalar model, {} differ", figures.compared, figures.mismatches);
    }
    if let Some(speed) = figures.simulated_cycles_per_second {
        println!("simulated at {speed:.0} cycles per second");
    }
}
