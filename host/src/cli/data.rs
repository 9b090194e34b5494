//! Options about data sets that several commands have.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cbp_nn::data::{Format, Part, Preprocess, ReadOptions, Samples, Step, open};
use cbp_nn::training::TrainingData;
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Data {
    /// IDX or CIFAR files, a folder of images by class, .csv, .npy or .npz
    #[arg(long = "data", value_name = "PATH")]
    path: PathBuf,
    /// Test images to set aside where the data have no test set of their own
    #[arg(long, value_name = "N")]
    hold_out: Option<usize>,
    /// Which images are set aside
    #[arg(long, default_value_t = 0, value_name = "SEED")]
    hold_out_seed: u64,
    /// Labels of an .npy file of images
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// What happens to images [default: by the kind of data]
    #[arg(long, value_enum)]
    preprocess: Option<Kind>,
    /// Mean of each channel, of pixel / 255
    #[arg(long, value_delimiter = ',', requires = "std", value_name = "MEANS")]
    mean: Option<Vec<f32>>,
    /// Deviation of each channel
    #[arg(long, value_delimiter = ',', requires = "mean", value_name = "DEVIATIONS")]
    std: Option<Vec<f32>>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    /// Pixel / 255, or numbers as they are
    Plain,
    /// Shifted by up to 2 pixels in training
    Mnist,
    /// Random crop with a border of 4, and flips
    Cifar,
    /// Random resized crop of 224, flips, colours; resize 256 and centre crop 224 to evaluate
    Imagenet,
}

impl Data {
    /// Training and test set with their preprocessing; `stored` is that of a network file.
    pub fn read(&self, stored: Option<&Preprocess>) -> Result<TrainingData> {
        let options = ReadOptions { labels: self.labels.clone(), ..ReadOptions::default() };
        let opened = open(&self.path, &options)?;
        let (train, test) = match (opened.test, self.hold_out) {
            (Some(test), None) => (opened.train, test),
            (Some(_), Some(_)) => bail!("{}: has a test set; leave --hold-out out", self.path.display()),
            (None, Some(count)) => {
                let (test, train) = opened.train.split(Part::Count(count), self.hold_out_seed)?;
                (train, test)
            }
            (None, None) => {
                bail!("{}: has no test set; set some aside with --hold-out N", self.path.display())
            }
        };
        let preprocess = match (stored, self.preprocess, &self.mean) {
            (Some(stored), None, None) => stored.clone(),
            _ => self.preprocessing(opened.format, &train),
        };
        preprocess.shape(&train).with_context(|| format!("{}", self.path.display()))?;
        Ok(TrainingData::new(train, test, preprocess))
    }

    fn preprocessing(&self, format: Format, train: &Samples) -> Preprocess {
        let mut preprocess = match (self.preprocess, format) {
            (Some(Kind::Plain), _) | (None, Format::Npy | Format::Npz) => Preprocess::plain(),
            (Some(Kind::Mnist), _) | (None, Format::Idx) => Preprocess::mnist(2),
            (Some(Kind::Cifar), _) | (None, Format::Cifar) => Preprocess::cifar(
                cbp_nn::data::preprocess::CIFAR10_MEAN,
                cbp_nn::data::preprocess::CIFAR10_STD,
            ),
            (Some(Kind::Imagenet), _) | (None, Format::Folder) => Preprocess::imagenet(),
            (None, Format::Csv) => Preprocess::standardised(train),
        };
        if let (Some(mean), Some(std)) = (&self.mean, &self.std) {
            for pipeline in [&mut preprocess.training, &mut preprocess.evaluation] {
                pipeline.steps.retain(|step| !matches!(step, Step::Normalise { .. }));
                pipeline.steps.push(Step::Normalise { mean: mean.clone(), std: std.clone() });
            }
        }
        preprocess
    }
}
