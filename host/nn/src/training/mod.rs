//! The training loop, for float and constrained networks alike.
//!
//! - [`Trainer`]: a network in training with everything that the next step depends on
//! - [`Workspace`]: memory that a step needs, and that holds nothing between steps
//! - [`TrainingData`], [`Progress`], [`EpochMetrics`]: what [`Trainer::run`] takes and tells
//! - [`DataDescription`]: what a network knows of its data
//! - [`evaluate`], [`outputs`]: how a network does on a data set
//! - `quantised`: which nodes are rounded; `update`: one step of the optimiser;
//!   `round`: rounding without training

mod description;
mod evaluate;
mod progress;
mod quantised;
mod round;
#[cfg(test)]
mod rules_tests;
mod run;
#[cfg(test)]
mod step_tests;
mod trainer;
mod update;

pub use description::{DataDescription, DataIdentity};
pub use evaluate::{Evaluation, evaluate, evaluate_with, outputs, rank};
pub use progress::{EpochMetrics, Progress};
pub use quantised::with_float_activations;
pub use run::{HoldOut, TrainingData};
pub(crate) use trainer::{CbpState, EpochSums};
pub use trainer::{StepReport, Trainer, Workspace};
