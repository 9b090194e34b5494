//! `cbp eval`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use cbp_host::demo::Progress;
use cbp_host::evaluate::evaluate_integers;
use cbp_host::quantise::quantise;
use cbp_nn::Model;
use cbp_nn::training::{Evaluation, TrainingData, evaluate_with};
use clap::{Args, ValueEnum};
use serde::Serialize;

use super::array::Array;
use super::bars::{Bars, bad_images, bar};
use super::data::Data;
use super::network::{Form, Network};

#[derive(Args)]
#[command(after_help = "Examples:
  cbp eval ternary --data ~/mnist                                  floating point, as in training
  cbp eval ternary --data ~/mnist --on integers                    what the accelerator computes
  cbp eval ternary --data ~/mnist --on device --images 20          the simulated accelerator itself

Exit status: 0 success, 1 the device's results differ from those of the integers, 2 an error.")]
pub struct Eval {
    /// A run's folder, a checkpoint, ONNX, or safetensors with PyTorch's names (with --model)
    network: PathBuf,
    #[command(flatten)]
    form: Form,
    #[command(flatten)]
    data: Data,
    /// What computes
    #[arg(long, value_enum, default_value = "float")]
    on: Place,
    /// Test images to use, from the first on [default: all; 20 on the device]
    #[arg(long, value_name = "N")]
    images: Option<usize>,
    #[command(flatten)]
    array: Array,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Place {
    /// The CPU in floating point, with rounded weights and activations
    Float,
    /// The CPU in the accelerator's integers, by the scalar model
    Integers,
    /// The simulated accelerator, compared with the scalar model
    Device,
}

/// What is printed.
#[derive(Serialize)]
struct Figures {
    /// What computed.
    on: Place,
    /// Test images.
    images: usize,
    /// Share whose class is right, with the deployed weights.
    accuracy: f64,
    /// Share whose class is among the five likeliest.
    accuracy_in_five: f64,
    /// The same as `accuracy` with the latent weights; floating point only.
    #[serde(skip_serializing_if = "Option::is_none")]
    latent_accuracy: Option<f64>,
    /// Clock cycles per image; device only.
    #[serde(skip_serializing_if = "Option::is_none")]
    cycles_per_image: Option<f64>,
    /// Outputs compared with the scalar model; device only.
    #[serde(skip_serializing_if = "Option::is_none")]
    compared: Option<u64>,
    /// Those that differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatches: Option<u64>,
    /// Images that could not be read: files and causes. They do not count.
    bad_images: Vec<String>,
}

impl Eval {
    pub fn run(&self) -> Result<ExitCode> {
        let network = Network::read(&self.network, &self.form, self.data.classes)?;
        let data = self.data.read_for(&network.data())?;
        let figures = match self.on {
            Place::Float if self.images.is_some() => bail!("--images is for --on integers and --on device"),
            Place::Float => float(&network, &data)?,
            Place::Integers | Place::Device => self.integers(&network, &data)?,
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&figures)?);
        } else {
            figures.print();
        }
        Ok(ExitCode::from(u8::from(figures.mismatches.is_some_and(|count| count > 0))))
    }

    fn integers(&self, network: &Network, data: &TrainingData) -> Result<Figures> {
        let Network::Run(trainer) = network else {
            bail!(
                "{}: is a network of another program; constrain it first (cbp train --from, cbp quantize)",
                self.network.display()
            )
        };
        let quantised = quantise(trainer.model().graph().name(), &trainer.export()?)?;
        let config = (self.on == Place::Device).then(|| self.array.config()).transpose()?;
        let available = data.test.len();
        let images = self.images.unwrap_or(if config.is_some() { 20 } else { available });
        if images == 0 || images > available {
            bail!("--images {images}: the test set has {available}; ask for at least 1 and at most that many")
        }
        let bars = Bars::default();
        bars.stage("running the integers", images as u64);
        let pipeline = &data.preprocess.evaluation;
        let tick = |images| bars.tick(images);
        let result = evaluate_integers(&quantised, &data.test, pipeline, images, config.as_ref(), tick);
        bars.clear();
        let result = result?;
        let share = |count: usize| count as f64 / result.images.max(1) as f64;
        Ok(Figures {
            on: self.on,
            images: result.images,
            accuracy: share(result.right),
            accuracy_in_five: share(result.right_in_five),
            latent_accuracy: None,
            cycles_per_image: result.device.map(|device| device.cycles as f64 / result.images as f64),
            compared: result.device.map(|device| device.compared),
            mismatches: result.device.map(|device| device.mismatches),
            bad_images: result.bad_images,
        })
    }
}

/// Two networks on the test images, with a bar.
pub fn evaluate_both(models: [&Model; 2], data: &TrainingData) -> Result<[Evaluation; 2]> {
    let bar = bar("evaluating", 2 * data.test.len() as u64);
    let evaluate = |model| {
        evaluate_with(model, &data.test, &data.preprocess.evaluation, |images| bar.inc(images as u64))
    };
    let both = [evaluate(models[0])?, evaluate(models[1])?];
    bar.finish_and_clear();
    Ok(both)
}

fn float(network: &Network, data: &TrainingData) -> Result<Figures> {
    let [deployed, latent] = evaluate_both([&network.deployed(), &network.latent()], data)?;
    Ok(Figures {
        on: Place::Float,
        images: deployed.images,
        accuracy: deployed.accuracy(),
        accuracy_in_five: deployed.accuracy_in_five(),
        latent_accuracy: Some(latent.accuracy()),
        cycles_per_image: None,
        compared: None,
        mismatches: None,
        bad_images: deployed.bad_images,
    })
}

impl Figures {
    fn print(&self) {
        let accuracy = 100.0 * self.accuracy;
        print!("{} images: {accuracy:.2} %, in five {:.2} %", self.images, 100.0 * self.accuracy_in_five);
        if let Some(latent) = self.latent_accuracy {
            print!(", latent weights {:.2} %", 100.0 * latent);
        }
        if let (Some(cycles), Some(compared), Some(mismatches)) =
            (self.cycles_per_image, self.compared, self.mismatches)
        {
            print!(
                "; {cycles:.0} cycles per image; {compared} outputs compared with the scalar model: {mismatches} differ"
            );
        }
        println!();
        if let Some(bad) = bad_images(&self.bad_images) {
            println!("{bad}");
        }
    }
}
