//! What training tells its caller while it runs. The crate itself prints nothing.

use std::ops::ControlFlow;

use crate::cbp::metrics::ConstraintMetrics;

/// State after an epoch; epoch 0 is the state before training.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpochMetrics {
    /// Epochs done.
    pub epoch: u32,
    /// Learning rate of the last step.
    pub rate: f32,
    /// Mean cross-entropy of the batches, in nats; 0 before training.
    pub loss: f64,
    /// Σ over the batches of the Lagrangian; without constraints Σ of the cross-entropy.
    pub lagrangian_sum: f64,
    /// Test accuracy of the deployed (quantised) weights, if it was measured.
    pub accuracy: Option<f64>,
    /// Test accuracy of the latent weights, if it was measured and there are constraints.
    pub latent_accuracy: Option<f64>,
    /// State of the constraints, if there are any.
    pub constraint: Option<ConstraintMetrics>,
}

/// Follows training, and may end it. It is called from a thread of the rayon pool, hence `Send`.
pub trait Progress: Send {
    /// Batch `batch` of `batches` (from 1) of epoch `epoch` (from 1) is done. `Break` ends training.
    fn batch(&mut self, epoch: u32, batch: usize, batches: usize) -> ControlFlow<()> {
        let _ = (epoch, batch, batches);
        ControlFlow::Continue(())
    }

    /// An epoch is done. `Break` ends training, at a point from which it can be resumed.
    fn epoch(&mut self, metrics: &EpochMetrics) -> ControlFlow<()> {
        let _ = metrics;
        ControlFlow::Continue(())
    }
}

/// Follows nothing.
impl Progress for () {}
