//! `cbp demo`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cbp_host::demo::{self, Options};
use cbp_host::files::{check_writable, write_whole};
use cbp_isa::Preset;
use cbp_nn::WeightSet;
use clap::Args;

use super::bars::Bars;

/// The sample of digits in the repository.
const SAMPLE: &str = "data/mnist-sample";

#[derive(Args)]
#[command(after_help = "Examples:
  cbp demo                                     the digits in the repository, all weight sets, 500 images each
  cbp demo --data ~/mnist --images 10000       full MNIST (four IDX files, gzip or not)
  cbp demo --set ternary --preset tiny --images 20 --json result.json

Exit status: 0 all values equal, 1 some differ, 2 an error.")]
pub struct Demo {
    /// Folder with the four MNIST files [default: the sample in the repository]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// binary, ternary, one-bit-shift, two-bit-shift or all
    #[arg(long, default_value = "all", value_parser = sets)]
    set: Sets,
    /// Size of the array: tiny, small, versa, axau15, acorn
    #[arg(long, default_value = "small", value_parser = super::preset)]
    preset: &'static Preset,
    /// Test images to run on the device, per row
    #[arg(long, default_value_t = 500, value_name = "N")]
    images: usize,
    /// Epochs of float training [default: 30, or 12 on 20,000 images and more]
    #[arg(long, requires = "cbp_epochs", value_name = "N")]
    float_epochs: Option<u32>,
    /// Epochs of constrained training [default: 20, or 12 on 20,000 images and more]
    #[arg(long, requires = "float_epochs", value_name = "N")]
    cbp_epochs: Option<u32>,
    /// Same seed, same networks, on any number of threads
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the table as JSON; `-` for standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone)]
struct Sets(Vec<WeightSet>);

fn sets(text: &str) -> Result<Sets, String> {
    if text == "all" {
        return Ok(Sets(WeightSet::ALL.to_vec()));
    }
    text.parse().map(|set| Sets(vec![set])).map_err(|e: cbp_isa::UnknownWeightSet| format!("{e}, or all"))
}

impl Demo {
    pub fn run(&self) -> Result<ExitCode> {
        let json = self.json.as_deref().filter(|path| *path != Path::new("-"));
        if let Some(path) = json {
            check_writable(path).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let options = Options {
            data: self.data.clone().map_or_else(sample, Ok)?,
            sets: self.set.0.clone(),
            preset: self.preset,
            images: self.images,
            epochs: self.float_epochs.zip(self.cbp_epochs),
            seed: self.seed,
        };
        let report = demo::run(&options, &Bars::default())?;
        if self.json.is_some() {
            let text = serde_json::to_string_pretty(&report)? + "\n";
            match json {
                Some(path) => {
                    write_whole(path, text.as_bytes())
                        .with_context(|| format!("cannot write {}", path.display()))?;
                }
                None => print!("{text}"),
            }
        }
        if self.json.is_none() || json.is_some() {
            println!("{report}");
        }
        if report.equal() {
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!(
            "cbp: the device's results differ from the scalar model's: a fault of the hardware or its model"
        );
        Ok(ExitCode::from(1))
    }
}

/// The sample, from the working folder or where this program was built.
fn sample() -> Result<PathBuf> {
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(SAMPLE);
    match [PathBuf::from(SAMPLE), built].into_iter().find(|p| p.is_dir()) {
        Some(path) => Ok(path),
        None => bail!("no digits at {SAMPLE}; run from the repository, or name a folder with --data"),
    }
}
