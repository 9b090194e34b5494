//! `cbp quantize`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use cbp_host::train::RunFolder;
use cbp_nn::{CbpConfig, Trainer, WeightSet};
use clap::Args;

use super::bars::bar;
use super::data::Data;
use super::eval::evaluate_both;
use super::network::{Form, Network};
use super::train::ConstrainOptions;

#[derive(Args)]
#[command(after_help = "Example: cbp quantize float --set two-bit-shift --data ~/mnist --out rounded

Rounds weights at least-squares scales and measures batch norms and ranges again; no training, so it takes seconds. The
result can be trained on with `cbp train --from`.")]
pub struct Quantize {
    /// A run's folder, a checkpoint, ONNX, or safetensors with PyTorch's names (with --model)
    network: PathBuf,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    data: Data,
    /// binary, ternary, one-bit-shift or two-bit-shift
    #[arg(long)]
    set: WeightSet,
    #[command(flatten)]
    constrain: ConstrainOptions,
    /// Training images that statistics are measured over, at least 2; all of them if there are fewer
    #[arg(long, default_value_t = 1000, value_name = "N")]
    images: usize,
    /// Folder for the result
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl Quantize {
    pub fn run(&self) -> Result<ExitCode> {
        let from = Network::read(&self.network, &self.form, self.data.classes)?;
        let data = self.data.read_for(&from.data())?;
        let float = from.latent();
        let config = self.constrain.over(CbpConfig::short(1))?;
        let mut trainer = Trainer::constrained(&float, self.set, config)?;
        let spinner = bar("measuring batch norms and ranges", 0);
        let used = trainer.fit_statistics(&data, self.images)?;
        spinner.finish_and_clear();
        let folder = RunFolder::create(&self.out)?;
        trainer.save(&folder.checkpoint())?;
        let [before, after] = evaluate_both([&float, &trainer.deployed()], &data)?;
        println!(
            "{} images: {:.2} % before, {:.2} % rounded to {}; statistics of {used} training images",
            after.images,
            100.0 * before.accuracy(),
            100.0 * after.accuracy(),
            self.set
        );
        println!("{}", folder.checkpoint().display());
        Ok(ExitCode::SUCCESS)
    }
}
