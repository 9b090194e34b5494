//! The demo's networks: one float network, constrained to every set in both ways.

use std::ops::ControlFlow;

use cbp_nn::architectures::{Hidden, mlp};
use cbp_nn::graph::Shape;
use cbp_nn::training::{EpochMetrics, TrainingData, evaluate};
use cbp_nn::{CbpConfig, Ends, Model, TrainConfig, Trainer, WeightSet};

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

impl cbp_nn::training::Progress for Epochs<'_> {
    fn step(&mut self, trainer: &Trainer, _: usize) -> ControlFlow<()> {
        if trainer.steps_done_in_epoch().is_multiple_of(16) {
            self.0.tick(16);
        }
        ControlFlow::Continue(())
    }
}

/// Trains the float network and constrains it.
///
/// # Errors
/// Training fails, or its result has no integer form.
pub fn train(options: &Options, data: &TrainingData, progress: &dyn Progress) -> Result<Trained, DemoError> {
    let images = data.train.len();
    let epochs = options.epochs.unwrap_or(if images < SMALL_DATA { (30, 20) } else { (12, 12) });
    let seed = options.seed;
    let float_config = TrainConfig { epochs: epochs.0, seed, evaluate_every: 0, ..TrainConfig::default() };
    let mut config = CbpConfig::short(epochs.1);
    (config.training.seed, config.training.evaluate_every) = (seed, 0);
    let ticks = |training: &TrainConfig| u64::from(training.epochs) * (images / training.batch) as u64;
    let accuracy = |model: &Model| evaluate(model, &data.test, &data.preprocess.evaluation);
    progress.stage("training the float network", ticks(&float_config));
    let graph = mlp(Shape::new(28, 28, 1), &[256; 3], 10, Hidden::BatchNorm)?;
    let mut float = Trainer::float(Model::new(graph, seed), float_config)?;
    float.run(data, &mut Epochs(progress))?;
    let float_accuracy = accuracy(float.model())?.accuracy();
    progress.done(&format!("float network: {:.2} %", 100.0 * float_accuracy));
    let mut rows = Vec::new();
    for (set, ends) in options.rows() {
        let name = format!("{set}, {}", super::report::ends_name(ends));
        progress.stage(&format!("constraining: {name}"), ticks(&config.training));
        let mut trainer = Trainer::constrained(float.model(), set, CbpConfig { ends, ..config })?;
        let history = trainer.run(data, &mut Epochs(progress))?;
        let accuracy = accuracy(trainer.model())?.accuracy();
        let share = |m: Option<&EpochMetrics>| m.and_then(|m| m.constraint).map_or(0.0, |c| c.satisfied);
        let satisfied = (share(history.first()), share(history.last()));
        progress.done(&format!(
            "{name}: {:.2} %, {:.1} % of the latent weights on the grid (before: {:.1} %)",
            100.0 * accuracy,
            100.0 * satisfied.1,
            100.0 * satisfied.0,
        ));
        let network = quantise(&name, &trainer.export()?)?;
        rows.push(TrainedRow { set, ends, accuracy, satisfied, network });
    }
    Ok(Trained { float_accuracy, epochs, rows })
}
