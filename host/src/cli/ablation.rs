//! `cbp ablation`.

use std::io::IsTerminal;
use std::process::ExitCode;

use anyhow::Result;
use cbp_host::ablation::Ablation as Runs;
use cbp_nn::WeightSet;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::data::Data;

#[derive(Args)]
#[command(after_help = "Example: cbp ablation --data data/mnist-sample

Trains a small convolutional network, then constrains it with all of CBP, without the window, without multipliers, and
without the straight-through estimator, and prints a table.")]
pub struct Ablation {
    #[command(flatten)]
    data: Data,
    /// Weight sets
    #[arg(long, value_delimiter = ',', default_value = "binary,ternary,one-bit-shift,two-bit-shift")]
    sets: Vec<WeightSet>,
    /// Seeds 1 to N
    #[arg(long, default_value_t = 3, value_name = "N")]
    seeds: u64,
    /// Epochs of float training
    #[arg(long, default_value_t = 10)]
    float_epochs: u32,
    /// Epochs of each constrained training
    #[arg(long, default_value_t = 30)]
    epochs: u32,
    /// Epochs after which the window narrows at the latest; 20 is published
    #[arg(long, default_value_t = 1)]
    patience: u32,
    /// Step of the multipliers
    #[arg(long, default_value_t = 1e-2)]
    multiplier_rate: f32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Ablation {
    pub fn run(&self) -> Result<ExitCode> {
        let data = self.data.read(None)?;
        let runs = Runs {
            sets: self.sets.clone(),
            seeds: self.seeds.max(1),
            epochs: (self.float_epochs, self.epochs),
            patience: self.patience,
            multiplier_rate: self.multiplier_rate,
        };
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new(runs.ticks())
        } else {
            ProgressBar::hidden()
        };
        bar.set_style(ProgressStyle::with_template("epoch {pos} of {len} {wide_bar} {eta} left")?);
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
