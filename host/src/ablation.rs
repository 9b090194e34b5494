//! What each part of CBP does: the same small network trained with and without it.

use std::fmt;
use std::ops::ControlFlow;

use cbp_nn::cbp::scale::ScaleMode;
use cbp_nn::graph::{Graph, GraphError, Op, Shape, Source, Window};
use cbp_nn::training::{EpochMetrics, Progress, TrainingData, evaluate};
use cbp_nn::{CbpConfig, Ends, Model, TrainConfig, TrainError, Trainer, WeightSet};
use serde::Serialize;

use crate::demo::report::ends_name;

/// What to run.
#[derive(Clone, Debug)]
pub struct Ablation {
    /// Weight sets.
    pub sets: Vec<WeightSet>,
    /// Seeds 1 ..= this.
    pub seeds: u64,
    /// Ways to train.
    pub modes: Vec<Mode>,
    /// Where they start.
    pub start: Start,
    /// Settings of each constrained training, but for what the modes change. The rate should not depend on g, so that
    /// all modes have the same.
    pub config: CbpConfig,
}

/// The float network that constrained training starts from.
#[derive(Clone, Debug)]
pub enum Start {
    /// One per seed: [`small_network`], trained for so many epochs.
    Small {
        /// Epochs of float training.
        epochs: u32,
    },
    /// This one for all seeds.
    Trained(Box<Model>),
}

/// A way to train.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// All of it.
    Cbp,
    /// Every weight is constrained from the start.
    NoWindow,
    /// No multipliers.
    SteOnly,
    /// The forward step computes with latent weights.
    NoSte,
}

impl Mode {
    /// All, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Cbp, Self::NoWindow, Self::SteOnly, Self::NoSte];

    fn name(self) -> &'static str {
        match self {
            Self::Cbp => "CBP",
            Self::NoWindow => "no window",
            Self::SteOnly => "STE only",
            Self::NoSte => "no STE",
        }
    }
}

/// One set and mode: means over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AblationRow {
    /// Weight set.
    pub set: String,
    /// Way to train.
    pub mode: Mode,
    /// Share of latent weights within 0.05·a of a level before training; 0…1, as all shares.
    pub satisfied_before: f64,
    /// And after it.
    pub satisfied: f64,
    /// Test accuracy with quantised weights.
    pub accuracy: f64,
    /// Of each seed.
    pub accuracies: Vec<f64>,
    /// Test accuracy with latent weights.
    pub latent_accuracy: f64,
    /// Constraint-failure score per scale.
    pub failure_per_scale: f64,
    /// The largest multiplier.
    pub multiplier_max: f64,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AblationTable {
    /// Test accuracy of the float networks, mean.
    pub float_accuracy: f64,
    /// Seeds.
    pub seeds: u64,
    /// The float network.
    pub network: String,
    /// Epochs of float training, if it was trained here.
    pub float_epochs: Option<u32>,
    /// Settings of constrained training.
    pub config: CbpConfig,
    /// Test images.
    pub images: usize,
    /// A row per set and mode.
    pub rows: Vec<AblationRow>,
}

/// Why there is no table.
#[derive(Debug, thiserror::Error)]
pub enum AblationError {
    /// The images are too small.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// A training failed.
    #[error(transparent)]
    Train(#[from] TrainError),
}

/// A small convolutional network: 3 × 3 convolutions of 16, 32 and 32 channels with batch norm, ReLU and pools, and a
/// linear layer.
///
/// # Errors
/// Images under 4 × 4.
pub fn small_network(input: Shape, classes: usize) -> Result<Graph, GraphError> {
    let mut graph = Graph::empty("small", input);
    let mut last = Source::Input;
    for (index, outputs) in [16, 32, 32].into_iter().enumerate() {
        let number = index + 1;
        let inputs = graph.shape_of(last).channels;
        let window = Window::square(3, 1, 1);
        let op = Op::Convolution { inputs, outputs, groups: 1, window, bias: false };
        last = graph.push(format!("conv{number}"), op, &[last])?;
        last = graph.push(format!("bn{number}"), Op::batch_norm(outputs), &[last])?;
        last = graph.push(format!("relu{number}"), Op::RELU, &[last])?;
        if index < 2 {
            let window = Window::square(2, 2, 0);
            last = graph.push(format!("pool{number}"), Op::MaxPool { window }, &[last])?;
        }
    }
    let inputs = graph.shape_of(last).values();
    graph.push("fc", Op::Linear { inputs, outputs: classes, bias: true }, &[last])?;
    Ok(graph)
}

/// Calls a function after every epoch.
struct Epochs<'a>(&'a mut dyn FnMut());

impl Progress for Epochs<'_> {
    fn epoch(&mut self, _: &Trainer, _: &EpochMetrics) -> ControlFlow<()> {
        (self.0)();
        ControlFlow::Continue(())
    }
}

impl Ablation {
    /// Calls of `on_epoch` that [`Ablation::run`] makes.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        let runs = (self.modes.len() * self.sets.len()) as u64;
        let float = match self.start {
            Start::Small { epochs } => u64::from(epochs) + 1,
            Start::Trained(_) => 0,
        };
        self.seeds * (float + runs * (u64::from(self.config.training.epochs) + 1))
    }

    /// Trains everything.
    ///
    /// # Errors
    /// The images are too small, or a training fails.
    pub fn run(
        &self,
        data: &TrainingData,
        input: Shape,
        on_epoch: &mut dyn FnMut(),
    ) -> Result<AblationTable, AblationError> {
        let mut floats = Vec::new();
        let mut float_accuracy = 0.0;
        match &self.start {
            Start::Small { epochs } => {
                let graph = small_network(input, data.train.classes().count())?;
                for seed in 1..=self.seeds {
                    let config =
                        TrainConfig { epochs: *epochs, seed, evaluate_every: 0, ..TrainConfig::default() };
                    let mut trainer = Trainer::float(Model::new(graph.clone(), seed), config)?;
                    let history = trainer.run(data, &mut Epochs(on_epoch))?;
                    float_accuracy += last(&history).accuracy.unwrap_or_default() / self.seeds as f64;
                    floats.push(trainer.model().clone());
                }
            }
            Start::Trained(model) => {
                float_accuracy = evaluate(model, &data.test, &data.preprocess.evaluation)?.accuracy();
                floats = vec![(**model).clone(); self.seeds as usize];
            }
        }
        let mut rows = Vec::new();
        for &set in &self.sets {
            for &mode in &self.modes {
                let mut runs = Vec::new();
                for (seed, float) in (1..).zip(&floats) {
                    let mut trainer = Trainer::constrained(float, set, self.config(mode, seed))?;
                    runs.push(trainer.run(data, &mut Epochs(on_epoch))?);
                }
                rows.push(row(set, mode, &runs));
            }
        }
        let (network, float_epochs) = match &self.start {
            Start::Small { epochs } => ("a small network".to_owned(), Some(*epochs)),
            Start::Trained(model) => (model.graph().name().to_owned(), None),
        };
        let (seeds, config, images) = (self.seeds, self.config, data.test.len());
        Ok(AblationTable { float_accuracy, seeds, network, float_epochs, config, images, rows })
    }

    fn config(&self, mode: Mode, seed: u64) -> CbpConfig {
        CbpConfig {
            training: TrainConfig { seed, evaluate_every: 0, ..self.config.training },
            multipliers: mode != Mode::SteOnly,
            window: mode != Mode::NoWindow,
            straight_through: mode != Mode::NoSte,
            ..self.config
        }
    }
}

/// The published scale, float ends and activations.
#[must_use]
pub fn published_with_short_schedule(epochs: u32) -> CbpConfig {
    CbpConfig { ends: Ends::Float, scale: ScaleMode::Paper, activations: None, ..CbpConfig::short(epochs) }
}

fn last(history: &[EpochMetrics]) -> &EpochMetrics {
    // A run tells of its start at least.
    &history[history.len() - 1]
}

fn row(set: WeightSet, mode: Mode, runs: &[Vec<EpochMetrics>]) -> AblationRow {
    let mean = |of: &dyn Fn(&[EpochMetrics]) -> f64| {
        runs.iter().map(|run| of(run)).sum::<f64>() / runs.len().max(1) as f64
    };
    let end = |run: &[EpochMetrics]| last(run).constraint.unwrap_or_default();
    let accuracy = |run: &[EpochMetrics]| last(run).accuracy.unwrap_or_default();
    AblationRow {
        set: set.to_string(),
        mode,
        satisfied_before: mean(&|run| run[0].constraint.unwrap_or_default().satisfied),
        satisfied: mean(&|run| end(run).satisfied),
        accuracy: mean(&accuracy),
        accuracies: runs.iter().map(|run| accuracy(run)).collect(),
        latent_accuracy: mean(&|run| last(run).latent_accuracy.unwrap_or_default()),
        failure_per_scale: mean(&|run| end(run).failure_per_scale),
        multiplier_max: mean(&|run| end(run).multiplier_max.into()),
    }
}

impl fmt::Display for AblationTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:<10} {:>11} {:>9} {:>10} {:>8} {:>8} {:>6}",
            "set", "mode", "on grid 0 %", "on grid %", "accuracy %", "latent %", "CFS/a", "λ max"
        )?;
        for row in &self.rows {
            writeln!(
                f,
                "{:<14} {:<10} {:>11.1} {:>9.1} {:>10.2} {:>8.2} {:>8.4} {:>6.3}",
                row.set,
                row.mode.name(),
                100.0 * row.satisfied_before,
                100.0 * row.satisfied,
                100.0 * row.accuracy,
                100.0 * row.latent_accuracy,
                row.failure_per_scale,
                row.multiplier_max
            )?;
        }
        let CbpConfig { training, scale, ends, patience, activations, .. } = self.config;
        let float = 100.0 * self.float_accuracy;
        write!(f, "means of seeds 1 to {}, {} test images; {}", self.seeds, self.images, self.network)?;
        if let Some(epochs) = self.float_epochs {
            write!(f, ", {epochs} epochs of float training")?;
        }
        writeln!(
            f,
            ", float accuracy {float:.2} %; {} epochs of constrained training, patience {patience}",
            training.epochs
        )?;
        let scale = match scale {
            ScaleMode::Paper => "mean |w|",
            ScaleMode::LeastSquares => "least squares",
            ScaleMode::LeastSquaresPerChannel => "least squares per channel",
        };
        write!(f, "scale {scale}, {} ends, ", ends_name(ends))?;
        match activations {
            Some(activations) => write!(f, "activations of {} bits; ", activations.bits)?,
            None => write!(f, "float activations; ")?,
        }
        write!(f, "on grid: latent weights within 0.05·a of a level, before training and after it")
    }
}
