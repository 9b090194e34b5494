//! Options about data sets that several commands have.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use cbp_nn::data::read::Cifar100Labels;
use cbp_nn::data::{Colour, LabelColumn, Layout, Part, ReadOptions, TableOptions, open};
use cbp_nn::training::{DataDescription, HoldOut, TrainingData};
use clap::{Args, ValueEnum};

use super::preprocess::PreprocessOptions;

#[derive(Args)]
pub struct Data {
    /// IDX or CIFAR files, a folder of images by class, .csv, .npy or .npz
    #[arg(long = "data", value_name = "PATH")]
    path: PathBuf,
    /// Test images to set aside where the data have no test set of their own [default: as for the network]
    #[arg(long, value_name = "N")]
    hold_out: Option<usize>,
    /// Which images are set aside [default: as for the network, else 0]
    #[arg(long, value_name = "SEED")]
    hold_out_seed: Option<u64>,
    /// Number of classes [default: those that occur, or those of the format]
    #[arg(long, value_name = "N")]
    pub classes: Option<usize>,
    /// Labels of an .npy file of images
    #[arg(long, value_name = "FILE")]
    labels: Option<PathBuf>,
    /// Order of the axes of .npy and .npz images [default: nhwc where only the last axis can be channels]
    #[arg(long, value_enum)]
    layout: Option<LayoutName>,
    /// Column of a table that holds labels, by name or by position from 0 [default: label, labels, class or target; else
    /// the last one]
    #[arg(long, value_name = "COLUMN")]
    label_column: Option<String>,
    /// What stands between the cells of a table; \t is a tab [default: a comma, in .tsv a tab]
    #[arg(long, value_name = "CHARACTER", value_parser = delimiter)]
    delimiter: Option<u8>,
    /// Whether the first line of a table holds names [default: if a number is missing there]
    #[arg(long, value_name = "BOOL")]
    header: Option<bool>,
    /// Image files are read as grey, with one channel
    #[arg(long)]
    grey: bool,
    /// CIFAR-100's 20 groups in place of its 100 classes
    #[arg(long)]
    coarse: bool,
    /// Largest share of images that may be unreadable, 0 to 1; beyond it the command ends
    #[arg(long, value_name = "SHARE", default_value_t = 0.01)]
    allow_bad: f64,
    #[command(flatten)]
    preprocess: PreprocessOptions,
}

#[derive(Clone, Copy, ValueEnum)]
enum LayoutName {
    /// Images, rows, columns, channels
    Nhwc,
    /// Images, channels, rows, columns, as PyTorch has them
    Nchw,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        b"\\t" => Ok(b'\t'),
        _ => Err("give one ASCII character, or \\t".to_owned()),
    }
}

impl Data {
    /// Training and test set with their preprocessing; `stored` is what a network's file says of its data.
    pub fn read(&self, stored: Option<&DataDescription>) -> Result<TrainingData> {
        let path = self.path.display();
        let mut opened = open(&self.path, &self.options())?;
        opened.train = opened.train.allowing_bad(self.allow_bad)?;
        opened.test = opened.test.map(|test| test.allowing_bad(self.allow_bad)).transpose()?;
        let as_before = stored.and_then(|data| data.identity.as_ref()?.hold_out);
        let (train, test, hold_out) = match opened.test {
            Some(_) if self.hold_out.is_some() || self.hold_out_seed.is_some() => {
                bail!("{path}: has a test set; leave --hold-out and --hold-out-seed out")
            }
            Some(test) => (opened.train, test, None),
            None => {
                let Some(images) = self.hold_out.or(as_before.map(|hold_out| hold_out.images)) else {
                    bail!("{path}: has no test set; set some aside with --hold-out N")
                };
                let seed = self.hold_out_seed.or(as_before.map(|hold_out| hold_out.seed)).unwrap_or(0);
                let (test, train) = opened.train.split(Part::Count(images), seed)?;
                (train, test, Some(HoldOut { images, seed }))
            }
        };
        let stored = stored.and_then(|data| data.preprocess.as_ref());
        let preprocess = self.preprocess.of_data(stored, opened.format, &train);
        preprocess.shape(&train).with_context(|| format!("{path}"))?;
        Ok(TrainingData { hold_out, ..TrainingData::new(train, test, preprocess) })
    }

    /// As [`Data::read`], for a network that keeps its classes: those of the data must have the same names.
    pub fn read_for(&self, network: &DataDescription) -> Result<TrainingData> {
        let data = self.read(Some(network))?;
        if let (Some(own), Some(found)) = (&network.classes, data.train.classes().names())
            && own != found
        {
            let differ = |at: usize| own.get(at) != found.get(at);
            let at = (0..own.len().max(found.len())).find(|&at| differ(at)).unwrap_or(0);
            let name = |names: &[String]| names.get(at).map_or("none".to_owned(), |name| format!("{name:?}"));
            bail!(
                "{}: class {at} is {}, for the network it is {}; give it data with the classes that it was trained on",
                self.path.display(),
                name(found),
                name(own)
            )
        }
        Ok(data)
    }

    fn options(&self) -> ReadOptions {
        let label = match &self.label_column {
            None => LabelColumn::Usual,
            Some(text) => text.parse().map_or_else(|_| LabelColumn::Name(text.clone()), LabelColumn::Index),
        };
        ReadOptions {
            classes: self.classes,
            layout: self.layout.map(|layout| match layout {
                LayoutName::Nhwc => Layout::Nhwc,
                LayoutName::Nchw => Layout::Nchw,
            }),
            colour: if self.grey { Colour::Grey } else { Colour::Rgb },
            labels: self.labels.clone(),
            cifar100: if self.coarse { Cifar100Labels::Coarse } else { Cifar100Labels::Fine },
            table: TableOptions { label, header: self.header, delimiter: self.delimiter },
        }
    }
}
