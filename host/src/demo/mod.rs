//! The whole path on digits: train, constrain, compile, run on the RTL, compare every bit.
//!
//! [`train`] makes the networks, [`device`] runs them, [`report`] is the table.

pub mod device;
pub mod report;
pub mod train;

use std::path::PathBuf;

use cbp_isa::{Config, Preset};
use cbp_nn::data::Preprocess;
use cbp_nn::training::TrainingData;
use cbp_nn::{Ends, WeightSet};

pub use report::{Report, Row};

/// What to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// Folder with the four IDX files.
    pub data: PathBuf,
    /// Weight sets to constrain to.
    pub sets: Vec<WeightSet>,
    /// Size of the array; it is built for the largest of all sets and runs every set.
    pub preset: &'static Preset,
    /// Test images to run on the device, per row.
    pub images: usize,
    /// Epochs of float training and of constrained training; chosen by the size of the data if `None`.
    pub epochs: Option<(u32, u32)>,
    /// Key of every random number.
    pub seed: u64,
}

impl Options {
    /// The device: one array for all sets.
    #[must_use]
    pub fn config(&self) -> Config {
        self.preset.config(WeightSet::TwoBitShift)
    }

    /// The rows of the table: each set with int8 ends, and with every layer constrained.
    #[must_use]
    pub fn rows(&self) -> Vec<(WeightSet, Ends)> {
        self.sets.iter().flat_map(|&set| [(set, Ends::Int8), (set, Ends::Constrained)]).collect()
    }
}

/// Why the demo did not finish.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The data cannot be read.
    #[error(transparent)]
    Data(#[from] cbp_nn::data::DataError),
    /// The network does not fit the images.
    #[error(transparent)]
    Graph(#[from] cbp_nn::graph::GraphError),
    /// Training failed.
    #[error(transparent)]
    Train(#[from] cbp_nn::TrainError),
    /// A trained network cannot be exported.
    #[error(transparent)]
    Export(#[from] cbp_nn::ExportError),
    /// A network has no integer form.
    #[error(transparent)]
    Quantise(#[from] crate::quantise::QuantiseError),
    /// The scalar model refuses.
    #[error(transparent)]
    Network(#[from] cbp_numerics::NetworkError),
    /// The device cannot run the network.
    #[error(transparent)]
    Compile(#[from] cbp_compiler::CompileError),
    /// There is no device.
    #[error(transparent)]
    Simulator(#[from] crate::runtime::SimulatorError),
    /// The device failed.
    #[error(transparent)]
    Run(#[from] crate::runtime::RunError),
    /// More images asked for than there are.
    #[error("--images {asked}: the test set has {available}; ask for at least 1 and at most that many")]
    Images {
        /// Asked for.
        asked: usize,
        /// In the test set.
        available: usize,
    },
    /// A thread ended in a panic.
    #[error("a simulation thread stopped; this is a fault of the program")]
    Thread,
}

/// What the demo tells its caller while it runs; called from several threads.
pub trait Progress: Sync {
    /// A stage begins; `total` is the number of its ticks.
    fn stage(&self, name: &str, total: u64);
    /// Ticks of the stage are done.
    fn tick(&self, ticks: u64);
    /// The stage is over, with something to say about it.
    fn done(&self, message: &str);
}

/// Runs everything.
///
/// # Errors
/// The first thing that fails.
pub fn run(options: &Options, progress: &dyn Progress) -> Result<Report, DemoError> {
    let (train, test) = cbp_nn::data::load_mnist(&options.data)?;
    if options.images == 0 || options.images > test.len() {
        return Err(DemoError::Images { asked: options.images, available: test.len() });
    }
    // Builds the model, or finds it in the cache, before the long work: a missing tool shows at once.
    progress.stage("building the simulated accelerator", 0);
    drop(crate::runtime::simulator(&options.config(), &cbp_sim::SimOptions::default())?);
    progress.done(&format!("accelerator {} is ready", options.preset.name));
    let data = TrainingData::new(train, test, Preprocess::mnist(2));
    let trained = train::train(options, &data, progress)?;
    let rows = device::run(options, &trained, &data.test, progress)?;
    Ok(Report {
        preset: options.preset.name.to_owned(),
        seed: options.seed,
        train_images: data.train.len(),
        test_images: data.test.len(),
        epochs: trained.epochs,
        rows,
    })
}
