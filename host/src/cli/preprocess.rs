//! What happens to images, as options of several commands.

use std::path::Path;

use cbp_nn::data::preprocess::{CIFAR10_MEAN, CIFAR10_STD};
use cbp_nn::data::{Format, Preprocess, Samples, Step};
use clap::Args;

#[derive(Args)]
pub struct PreprocessOptions {
    /// What happens to images: plain (pixel / 255, or numbers as they are); mnist (shifted by up to 2 pixels in
    /// training); cifar (random crop with a border of 4, flips); imagenet (random resized crop of 224, flips, colours;
    /// resize 256 and centre crop 224 to evaluate); or a .json file with the lists `training` and `evaluation`
    /// [default: that of the network's file, else by the kind of data]
    #[arg(long, value_name = "KIND", value_parser = kind)]
    preprocess: Option<Preprocess>,
    /// Mean of each channel, of pixel / 255
    #[arg(long, value_delimiter = ',', requires = "std", value_name = "MEANS")]
    mean: Option<Vec<f32>>,
    /// Deviation of each channel
    #[arg(long, value_delimiter = ',', requires = "mean", value_name = "DEVIATIONS")]
    std: Option<Vec<f32>>,
    /// Size that images are first brought to, rows × columns
    #[arg(long, value_name = "HxW", value_parser = |text: &str| super::sizes::<2>(text))]
    resize: Option<[usize; 2]>,
}

fn kind(text: &str) -> Result<Preprocess, String> {
    match text {
        "plain" => Ok(Preprocess::plain()),
        "mnist" => Ok(Preprocess::mnist(2)),
        "cifar" => Ok(Preprocess::cifar(CIFAR10_MEAN, CIFAR10_STD)),
        "imagenet" => Ok(Preprocess::imagenet()),
        path if Path::new(path).extension().is_some_and(|ending| ending == "json") => {
            let text = std::fs::read_to_string(path)
                .map_err(|cause| format!("{path}: cannot be read ({cause}); check the path"))?;
            serde_json::from_str(&text).map_err(|cause| {
                format!(
                    "{path}: {cause}; write {{\"training\": [STEPS], \"evaluation\": [STEPS]}} with steps such as \
                     {{\"step\": \"resize\", \"height\": 32, \"width\": 32}}"
                )
            })
        }
        _ => Err("use plain, mnist, cifar, imagenet or a file that ends in .json".to_owned()),
    }
}

impl PreprocessOptions {
    /// What is asked for, in place of `stored`, that of a network's file, and of what is usual for the data.
    pub fn of_data(&self, stored: Option<&Preprocess>, format: Format, train: &Samples) -> Preprocess {
        let usual = || match format {
            Format::Npy | Format::Npz => Preprocess::plain(),
            // Files of one size, which none of the usual lists is for.
            Format::Folder if self.resize.is_some() => Preprocess::plain(),
            Format::Idx => Preprocess::mnist(2),
            Format::Cifar => Preprocess::cifar(CIFAR10_MEAN, CIFAR10_STD),
            Format::Folder => Preprocess::imagenet(),
            Format::Csv => Preprocess::standardised(train),
        };
        self.stated(usual).or_else(|| stored.cloned()).unwrap_or_else(usual)
    }

    /// What is asked for, if anything is, where `usual` gives the steps that are not named.
    pub fn stated(&self, usual: impl Fn() -> Preprocess) -> Option<Preprocess> {
        if self.preprocess.is_none() && self.mean.is_none() && self.resize.is_none() {
            return None;
        }
        let mut preprocess = self.preprocess.clone().unwrap_or_else(usual);
        for pipeline in [&mut preprocess.training, &mut preprocess.evaluation] {
            if let Some([height, width]) = self.resize {
                pipeline.steps.insert(0, Step::Resize { height, width });
            }
            if let (Some(mean), Some(std)) = (&self.mean, &self.std) {
                pipeline.steps.retain(|step| !matches!(step, Step::Normalise { .. }));
                pipeline.steps.push(Step::Normalise { mean: mean.clone(), std: std.clone() });
            }
        }
        Some(preprocess)
    }
}
