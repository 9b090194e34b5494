//! `cbp eval`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use cbp_nn::training::evaluate;
use clap::Args;
use serde::Serialize;

use super::data::Data;
use super::network::Network;

#[derive(Args)]
#[command(after_help = "Example: cbp eval ternary --data ~/mnist")]
pub struct Eval {
    /// A run's folder, a checkpoint, or ONNX
    network: PathBuf,
    #[command(flatten)]
    data: Data,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What is printed.
#[derive(Serialize)]
struct Figures {
    /// Test images.
    images: usize,
    /// Share whose class is right, with the deployed weights.
    accuracy: f64,
    /// Share whose class is among the five likeliest.
    accuracy_in_five: f64,
    /// The same as `accuracy` with the latent weights.
    latent_accuracy: f64,
    /// Images that could not be read; others stood in for them.
    bad_images: usize,
}

impl Eval {
    pub fn run(&self) -> Result<ExitCode> {
        let network = Network::read(&self.network, None)?;
        let data = self.data.read(network.preprocess())?;
        let pipeline = &data.preprocess.evaluation;
        let deployed = evaluate(&network.deployed(), &data.test, pipeline)?;
        let latent = evaluate(&network.latent(), &data.test, pipeline)?;
        let figures = Figures {
            images: deployed.images,
            accuracy: deployed.accuracy(),
            accuracy_in_five: deployed.accuracy_in_five(),
            latent_accuracy: latent.accuracy(),
            bad_images: deployed.bad_images,
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            println!(
                "{} images: {:.2} %, in five {:.2} %, latent weights {:.2} %",
                figures.images,
                100.0 * figures.accuracy,
                100.0 * figures.accuracy_in_five,
                100.0 * figures.latent_accuracy
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
