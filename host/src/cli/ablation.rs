//! `cbp ablation`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use cbp_host::ablation::{Ablation as Runs, Mode, Start, published_with_short_schedule};
use cbp_nn::{CbpConfig, TrainConfig, WeightSet};
use clap::{Args, ValueEnum};

use super::bars::bar;
use super::data::Data;
use super::network::{Form, Network};
use super::train::ConstrainOptions;

#[derive(Args)]
#[command(after_help = "Examples:
  cbp ablation --data data/mnist-sample
  cbp ablation --from resnet20.onnx --data ~/cifar10 --modes cbp,ste-only --sets binary,two-bit-shift \\
      --epochs 12 --rate 0.02 --scale lsq --ends int8 --activations 8

Trains a small convolutional network (or takes a trained one), constrains it with all of CBP, without the window, without
multipliers, and without the straight-through estimator, and prints a table.")]
pub struct Ablation {
    /// A trained network to constrain in place of the small one: a run's folder, a checkpoint, ONNX
    #[arg(long, value_name = "PATH")]
    from: Option<PathBuf>,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    data: Data,
    /// Weight sets
    #[arg(long, value_delimiter = ',', default_value = "binary,ternary,one-bit-shift,two-bit-shift")]
    sets: Vec<WeightSet>,
    /// Ways to train
    #[arg(long, value_delimiter = ',', value_enum, default_value = "cbp,no-window,ste-only,no-ste")]
    modes: Vec<ModeName>,
    /// Seeds 1 to N
    #[arg(long, default_value_t = 3, value_name = "N")]
    seeds: u64,
    /// Epochs of float training
    #[arg(long, default_value_t = 10, conflicts_with = "from")]
    float_epochs: u32,
    /// Epochs of each constrained training
    #[arg(long, default_value_t = 30)]
    epochs: u32,
    /// Learning rate of constrained training
    #[arg(long, default_value_t = 0.05)]
    rate: f32,
    /// Epochs after which the window narrows at the latest; 20 is published
    #[arg(long, default_value_t = 1)]
    patience: u32,
    /// Step of the multipliers
    #[arg(long, default_value_t = 1e-2)]
    multiplier_rate: f32,
    #[command(flatten)]
    constrain: ConstrainOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ModeName {
    /// All of it
    Cbp,
    /// Every weight is constrained from the start
    NoWindow,
    /// No multipliers
    SteOnly,
    /// The forward step computes with latent weights
    NoSte,
}

impl ModeName {
    fn mode(self) -> Mode {
        match self {
            Self::Cbp => Mode::Cbp,
            Self::NoWindow => Mode::NoWindow,
            Self::SteOnly => Mode::SteOnly,
            Self::NoSte => Mode::NoSte,
        }
    }
}

impl Ablation {
    pub fn run(&self) -> Result<ExitCode> {
        if self.from.is_none() && self.form.model.is_some() {
            bail!("--model is about the file of --from; leave it out")
        }
        let read = |path| Network::read(path, &self.form, self.data.classes);
        let from = self.from.as_deref().map(read).transpose()?;
        let data = self.data.read(from.as_ref().map(Network::data).as_ref())?;
        let usual = published_with_short_schedule(self.epochs);
        let config = self.constrain.over(CbpConfig {
            training: TrainConfig { rate: self.rate, ..usual.training },
            patience: self.patience,
            multiplier_rate: self.multiplier_rate,
            ..usual
        })?;
        let runs = Runs {
            sets: self.sets.clone(),
            seeds: self.seeds.max(1),
            modes: self.modes.iter().map(|name| name.mode()).collect(),
            start: match &from {
                Some(network) => Start::Trained(Box::new(network.latent())),
                None => Start::Small { epochs: self.float_epochs },
            },
            config,
        };
        let bar = bar("epochs", runs.ticks());
        let input = data.preprocess.shape(&data.train)?;
        let table = runs.run(&data, input, &mut || bar.inc(1))?;
        bar.finish_and_clear();
        if self.json {
            println!("{}", serde_json::to_string_pretty(&table)?);
        } else {
            println!("{table}");
        }
        Ok(ExitCode::SUCCESS)
    }
}
