//! `cbp import` and `cbp export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use cbp_exchange::onnx::{ExportOptions, write};
use cbp_exchange::{recognise_sets, state_dict};
use cbp_host::train::RunFolder;
use cbp_nn::architectures::usual_input;
use cbp_nn::{TrainConfig, Trainer};
use clap::Args;

use super::network::{Network, architecture};

#[derive(Args)]
#[command(after_help = "Examples:
  cbp import resnet18.onnx --out float
  cbp import resnet20.safetensors --model resnet20 --classes 10 --out float

Reads ONNX (plain or .gz, QONNX too) and safetensors with PyTorch's names. The folder can be given to `cbp train --from`,
`cbp quantize` and `cbp eval`.")]
pub struct Import {
    /// The file
    file: PathBuf,
    /// The network that safetensors belong to
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Its classes
    #[arg(long, default_value_t = 1000)]
    classes: usize,
    /// Folder for the result [default: only say what was read]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Import {
    pub fn run(&self) -> Result<ExitCode> {
        let graph = self.model.as_deref().map(|name| architecture(name, usual_input(name), self.classes));
        let network = Network::read(&self.file, graph.transpose()?)?;
        let model = network.latent();
        println!(
            "{}: {} nodes, {} parameters, {} MACs an image of {}, {} outputs",
            model.graph().name(),
            model.graph().nodes().len(),
            model.parameter_count(),
            model.graph().macs(),
            model.graph().input(),
            model.graph().output().values()
        );
        for set in recognise_sets(&model) {
            println!("{}: weights are {}", set.node, set.set);
        }
        if let Some(out) = &self.out {
            let folder = RunFolder::create(out)?;
            Trainer::float(model, TrainConfig::default())?.save(&folder.checkpoint())?;
            println!("{}", folder.checkpoint().display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[derive(Args)]
#[command(after_help = "Examples:
  cbp export ternary --to ternary.onnx
  cbp export ternary --to ternary.onnx --qonnx
  cbp export ternary --to ternary.safetensors

Weights are the deployed (quantised) ones.")]
pub struct Export {
    /// A run's folder, or a checkpoint
    network: PathBuf,
    /// File to write: .onnx or .safetensors
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    /// Constrained weights as QONNX has them, with nodes that quantise
    #[arg(long)]
    qonnx: bool,
}

impl Export {
    pub fn run(&self) -> Result<ExitCode> {
        let model = Network::read(&self.network, None)?.deployed();
        match self.to.extension().and_then(|ending| ending.to_str()) {
            Some("onnx") => write(&model, &self.to, &ExportOptions { qonnx: self.qonnx })?,
            Some("safetensors") => state_dict::write(&model, &self.to)?,
            _ => bail!("{}: name a file that ends in .onnx or .safetensors", self.to.display()),
        }
        println!("{}", self.to.display());
        Ok(ExitCode::SUCCESS)
    }
}
