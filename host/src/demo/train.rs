//! The demo's networks: one float network, constrained to every set in both ways.

use std::ops::ControlFlow;

use cbp_nn::data::Samples;
use cbp_nn::{CbpConfig, Ends, EpochMetrics, PretrainConfig, WeightSet, constrain, pretrain};

use super::{DemoError, Options, Progress};
use crate::quantise::{Quantised, quantise};

/// Below this many training images the demo trains for more epochs.
const SMALL_DATA: usize = 20_000;

/// A constrained network, ready for the device.
pub struct TrainedRow {
    /// Its set.
    pub set: WeightSet,
    /// Which layers are constrained.
    pub ends: Ends,
    /// Test accuracy as trained, with quantised weights and activations; 0…1.
    pub accuracy: f64,
    /// Share of latent weights on their grid before and after training; 0…1.
    pub satisfied: (f64, f64),
    /// Its integers.
    pub network: Quantised,
}

/// All networks of the demo.
pub struct Trained {
    /// Test accuracy of the float network; 0…1.
    pub float_accuracy: f64,
    /// Epochs of float and of constrained training.
    pub epochs: (u32, u32),
    /// One per row of the table.
    pub rows: Vec<TrainedRow>,
}

/// Passes epochs on as ticks.
struct Epochs<'a>(&'a dyn Progress);

impl cbp_nn::Progress for Epochs<'_> {
    fn batch(&mut self, _: u32, batch: usize, _: usize) -> ControlFlow<()> {
        if batch.is_multiple_of(16) {
            self.0.tick(16);
        }
        ControlFlow::Continue(())
    }

    fn epoch(&mut self, _: &EpochMetrics) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Trains the float network and constrains it.
///
/// # Errors
/// Training fails, or its result has no integer form.
pub fn train(
    options: &Options,
    train: &Samples,
    test: &Samples,
    progress: &dyn Progress,
) -> Result<Trained, DemoError> {
    let epochs = options.epochs.unwrap_or(if train.len() < SMALL_DATA { (30, 20) } else { (12, 12) });
    let mut float_config = PretrainConfig::demo(epochs.0);
    let mut config = CbpConfig::demo(epochs.1);
    (float_config.training.seed, config.training.seed) = (options.seed, options.seed);
    let ticks = |epochs: u32, batch: usize| u64::from(epochs) * (train.len() / batch) as u64;
    progress.stage("training the float network", ticks(epochs.0, float_config.training.batch));
    let float = pretrain(&float_config, train, test, &mut Epochs(progress))?.network;
    let float_accuracy = float.accuracy(test)?;
    progress.done(&format!("float network: {:.2} %", 100.0 * float_accuracy));
    let mut rows = Vec::new();
    for (set, ends) in options.rows() {
        let name = format!("{set}, {}", super::report::ends_name(ends));
        progress.stage(&format!("constraining: {name}"), ticks(epochs.1, config.training.batch));
        let constrained = constrain(&float, set, ends, config, train, test, &mut Epochs(progress))?;
        let accuracy = constrained.trainer.network().accuracy(test)?;
        let share = |m: Option<&EpochMetrics>| m.and_then(|m| m.constraint).map_or(0.0, |c| c.satisfied);
        let satisfied = (share(constrained.history.first()), share(constrained.history.last()));
        progress.done(&format!(
            "{name}: {:.2} %, {:.1} % of the latent weights on the grid (before: {:.1} %)",
            100.0 * accuracy,
            100.0 * satisfied.1,
            100.0 * satisfied.0,
        ));
        let network = quantise(&name, &constrained.trainer.export()?)?;
        rows.push(TrainedRow { set, ends, accuracy, satisfied, network });
    }
    Ok(Trained { float_accuracy, epochs, rows })
}
