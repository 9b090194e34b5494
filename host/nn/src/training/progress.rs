//! What training tells its caller while it runs. The crate itself prints nothing.

use std::ops::ControlFlow;

use serde::Serialize;

use super::Trainer;
use crate::cbp::metrics::ConstraintMetrics;

/// State after an epoch; epoch 0 is the state before training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EpochMetrics {
    /// Epochs done.
    pub epoch: u32,
    /// Learning rate of the last step.
    pub rate: f32,
    /// Mean loss of the batches (cross-entropy in nats, or mean squared error); none before training.
    pub loss: Option<f64>,
    /// Σ over the batches of the Lagrangian; without constraints Σ of the loss; none before training.
    pub lagrangian_sum: Option<f64>,
    /// Test accuracy of the deployed (quantised) weights, 0 to 1, if it was measured.
    pub accuracy: Option<f64>,
    /// Test accuracy of the latent weights in place of the constrained ones, if it was measured and there are any.
    pub latent_accuracy: Option<f64>,
    /// State of the constraints, if there are any.
    pub constraint: Option<ConstraintMetrics>,
    /// Images that could not be used in this epoch, of training and test: files and causes.
    pub bad_images: Vec<String>,
}

/// Follows training, and may end it.
pub trait Progress {
    /// A step is done: `trainer` stands after it, and could be saved. `steps` is the number of steps of an epoch.
    /// `Break` ends training.
    fn step(&mut self, trainer: &Trainer, steps: usize) -> ControlFlow<()> {
        let _ = (trainer, steps);
        ControlFlow::Continue(())
    }

    /// An epoch is done. `Break` ends training.
    fn epoch(&mut self, trainer: &Trainer, metrics: &EpochMetrics) -> ControlFlow<()> {
        let _ = (trainer, metrics);
        ControlFlow::Continue(())
    }
}

/// Follows nothing.
impl Progress for () {}
