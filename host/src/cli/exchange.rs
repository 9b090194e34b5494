//! `cbp import` and `cbp export`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use cbp_exchange::onnx::{ExportOptions, write};
use cbp_exchange::{recognise_sets, state_dict};
use cbp_host::train::RunFolder;
use cbp_nn::data::Preprocess;
use cbp_nn::{TrainConfig, Trainer};
use clap::Args;

use super::bars::bar;
use super::network::{Form, Network};
use super::preprocess::PreprocessOptions;

#[derive(Args)]
#[command(after_help = "Examples:
  cbp import resnet18.onnx --out float
  cbp import resnet20.safetensors --model resnet20 --classes 10 --out float

Reads ONNX (plain or .gz, QONNX too) and safetensors with PyTorch's names. The folder can be given to `cbp train --from`,
`cbp quantize` and `cbp eval`.")]
pub struct Import {
    /// The file
    file: PathBuf,
    #[command(flatten)]
    form: Form,
    /// Classes of the network that --model names [default: 10, of large images 1000]
    #[arg(long, requires = "model")]
    classes: Option<usize>,
    #[command(flatten)]
    preprocess: PreprocessOptions,
    /// Folder for the result [default: only say what was read]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Import {
    pub fn run(&self) -> Result<ExitCode> {
        let spinner = bar("reading", 0);
        let network = Network::read(&self.file, &self.form, self.classes)?;
        spinner.finish_and_clear();
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
        if let Network::File(imported) = &network {
            for grid in &imported.grids {
                println!("{}: the file has weights on a grid of {} bits", grid.node, grid.bits);
            }
        }
        let preprocess = self.preprocess.stated(Preprocess::plain).or(network.data().preprocess);
        if preprocess.is_none() {
            println!("the file does not say what happens to images; --preprocess, --mean and --std do");
        }
        if let Some(out) = &self.out {
            let folder = RunFolder::create(out)?;
            let mut trainer = Trainer::float(model, TrainConfig::default())?;
            if let Some(preprocess) = preprocess {
                trainer.set_preprocess(preprocess);
            }
            trainer.save(&folder.checkpoint())?;
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

Weights are the deployed (quantised) ones. What happened to images is in the metadata, under cbp-preprocess.")]
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
        let network = Network::read(&self.network, &Form::default(), None)?;
        let (model, preprocess) = (network.deployed(), network.data().preprocess);
        if self.qonnx && self.to.extension().is_none_or(|ending| ending != "onnx") {
            bail!("--qonnx is a form of ONNX; name a file that ends in .onnx, or leave it out")
        }
        let spinner = bar("writing", 0);
        match self.to.extension().and_then(|ending| ending.to_str()) {
            Some("onnx") => write(&model, &self.to, &ExportOptions { qonnx: self.qonnx, preprocess })?,
            Some("safetensors") => state_dict::write(&model, &self.to, preprocess.as_ref())?,
            _ => bail!("{}: name a file that ends in .onnx or .safetensors", self.to.display()),
        }
        spinner.finish_and_clear();
        println!("{}", self.to.display());
        Ok(ExitCode::SUCCESS)
    }
}
