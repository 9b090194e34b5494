//! Commands. Exit status: 0 success, 1 what was checked does not hold (the device's results differ from
//! the model's, the array multiplies, coverage is low), 2 an error.

mod ablation;
mod area;
mod array;
mod bars;
mod bench;
mod coverage;
mod data;
mod demo;
mod devices;
mod eval;
mod exchange;
mod hdl;
mod isa;
mod network;
mod preprocess;
mod quantize;
mod sim_server;
mod train;

use std::process::ExitCode;

use anyhow::Result;
use cbp_isa::{PRESETS, Preset};
use clap::{Parser, Subcommand};

/// Multiplication-free neural networks: train, compile, run on the accelerator.
#[derive(Parser)]
#[command(
    version,
    after_help = "Start with `cbp demo`: it trains on digits and runs the networks on the simulated accelerator."
)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Train on digits, constrain, compile, run on the RTL, compare every bit
    Demo(demo::Demo),
    /// Train a network, or constrain a trained one
    Train(Box<train::Train>),
    /// Round a trained network's weights to a set, without training
    Quantize(quantize::Quantize),
    /// Accuracy of a trained network
    Eval(eval::Eval),
    /// Read a network of another program: ONNX, QONNX, safetensors
    Import(exchange::Import),
    /// Write a network for other programs: ONNX, QONNX, safetensors
    Export(exchange::Export),
    /// What each part of CBP does: a small network trained with and without it
    Ablation(ablation::Ablation),
    /// The hardware: emit Verilog, measure its area and how well it is tested
    #[command(subcommand)]
    Hdl(hdl::Hdl),
    /// The instruction set
    #[command(subcommand)]
    Isa(isa::Isa),
    /// The boards in this machine
    Devices(devices::Devices),
    /// One board: what it is, whether it works, which driver has it
    #[command(subcommand)]
    Device(devices::Device),
    /// Run a network on the simulated accelerator, compare every value, say where the cycles went
    #[command(
        after_help = "Example: cbp run --net resnet20 --timeline out.json    # open in https://ui.perfetto.dev"
    )]
    Run(bench::Device),
    /// Serve the simulated accelerator as a PCIe device, to a vfio-user client or on the bus of a QEMU guest
    #[command(after_help = sim_server::EXAMPLES)]
    SimServer(sim_server::SimServer),
    /// Measure
    #[command(subcommand)]
    Bench(bench::Bench),
}

/// Runs a command.
///
/// # Errors
/// Its error, for one line on the terminal.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    match &arguments.command {
        Command::Demo(demo) => demo.run(),
        Command::Train(train) => train.run(),
        Command::Quantize(quantize) => quantize.run(),
        Command::Eval(eval) => eval.run(),
        Command::Import(import) => import.run(),
        Command::Export(export) => export.run(),
        Command::Ablation(ablation) => ablation.run(),
        Command::Hdl(hdl) => hdl.run(),
        Command::Isa(isa) => isa.run(),
        Command::Devices(devices) => devices.run(),
        Command::Device(device) => device.run(),
        Command::Run(run) => run.run(),
        Command::SimServer(server) => server.run(),
        Command::Bench(bench) => bench.run(),
    }
}

/// Sizes with × or x between them, for clap.
fn sizes<const N: usize>(text: &str) -> Result<[usize; N], String> {
    let sizes: Option<Vec<usize>> =
        text.split(['x', '×']).map(|size| size.parse().ok().filter(|&size| size > 0)).collect();
    sizes.and_then(|sizes| sizes.try_into().ok()).ok_or_else(|| {
        format!("give {N} sizes of at least 1 with x between them, such as {}", ["32"; N].join("x"))
    })
}

/// A preset by name, for clap.
fn preset(name: &str) -> Result<&'static Preset, String> {
    let names = || PRESETS.iter().map(|p| p.name).collect::<Vec<_>>().join(", ");
    Preset::named(name).ok_or_else(|| format!("there is no preset {name}; use one of {}", names()))
}
