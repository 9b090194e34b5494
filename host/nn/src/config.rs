//! Settings of training.

use serde::{Deserialize, Serialize};

use crate::cbp::scale::ScaleMode;
use crate::optimiser::RateSchedule;

/// What float training and constrained training have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Passes over the training set.
    pub epochs: u32,
    /// Images per step, at least 2. Images left over at the end of an epoch wait for the next one.
    pub batch: usize,
    /// Key of every random number.
    pub seed: u64,
    /// Full learning rate.
    pub rate: f32,
    /// The rate over time.
    pub rate_schedule: RateSchedule,
    /// Momentum μ of SGD.
    pub momentum: f32,
    /// Decay of weights; biases and batch norm do not decay.
    pub weight_decay: f32,
    /// Largest magnitude of an element of the gradient; none: no bound.
    pub gradient_clip: Option<f32>,
    /// Accuracy is measured after every so many epochs, and always after the last; 0: only after the last.
    pub evaluate_every: u32,
    /// The derivative of a ReLU at exactly 0.
    pub relu_grad_at_zero: f32,
    /// Batch norms keep their running statistics, and compute with them.
    pub frozen_norms: bool,
}

/// Settings of constrained training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CbpConfig {
    /// What is not special to CBP.
    pub training: TrainConfig,
    /// What the first and the last layer with weights are.
    pub ends: Ends,
    /// Choice of the scales.
    pub scale: ScaleMode,
    /// Step of the multipliers' ascent.
    pub multiplier_rate: f32,
    /// Epochs after which g advances at the latest: 20 as published; 1 is the short schedule.
    pub patience: u32,
    /// Whether there are multipliers at all; without them this is plain straight-through training.
    pub multipliers: bool,
    /// Whether weights near a median are left free (the unconstrained-weight window).
    pub window: bool,
    /// Whether the forward step computes with rounded weights (the straight-through estimator); otherwise with the
    /// latent ones, which only the constraint then pulls onto the grid.
    pub straight_through: bool,
    /// Largest magnitude of a latent weight: 1 in the published code; none: no bound.
    pub weight_clip: Option<f32>,
    /// Rounded activations; absent: float activations, as published.
    pub activations: Option<ActivationConfig>,
    /// When training ends before its last epoch; absent: never.
    pub stop: Option<StopRule>,
}

/// Settings of activation quantisation, our extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationConfig {
    /// Bits of a code, 2 to 8.
    pub bits: u32,
    /// The observed ranges stay as they are during so many last epochs.
    pub frozen_epochs: u32,
}

/// Training ends when the window is narrow and the latent weights are on the grid.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StopRule {
    /// Least g.
    pub g: u32,
    /// Least share of latent weights within 0.05·a of a level.
    pub satisfied: f64,
}

/// What the first and the last layer with weights are; all others are constrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ends {
    /// Float, as published.
    Float,
    /// Rounded to 8 bits per output, as the device needs them.
    Int8,
    /// Constrained too.
    Constrained,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            batch: 128,
            seed: 1,
            rate: 0.1,
            rate_schedule: RateSchedule::Cosine,
            momentum: 0.9,
            weight_decay: 1e-4,
            gradient_clip: None,
            evaluate_every: 1,
            relu_grad_at_zero: 0.0,
            frozen_norms: false,
        }
    }
}

impl CbpConfig {
    /// Settings for a small budget: g advances after every epoch, and the learning rate does not depend on g; the
    /// published rules need hundreds of epochs and tie the rate to the noise of the loss. Scales by least squares,
    /// 8-bit activations.
    #[must_use]
    pub fn short(epochs: u32) -> Self {
        Self {
            training: TrainConfig { epochs, rate: 0.05, gradient_clip: Some(1.0), ..TrainConfig::default() },
            ends: Ends::Int8,
            scale: ScaleMode::LeastSquares,
            multiplier_rate: 1e-2,
            patience: 1,
            multipliers: true,
            window: true,
            straight_through: true,
            weight_clip: Some(1.0),
            activations: Some(ActivationConfig { bits: 8, frozen_epochs: epochs.div_ceil(4) }),
            stop: None,
        }
    }

    /// The published rules, with float activations and ends: scale mean |w|, patience 20, rate cut at g = 20. Rates
    /// and epochs are not published for small networks.
    #[must_use]
    pub fn paper(epochs: u32) -> Self {
        let short = Self::short(epochs);
        Self {
            training: TrainConfig {
                rate: 0.02,
                rate_schedule: RateSchedule::Paper,
                batch: 256,
                ..short.training
            },
            ends: Ends::Float,
            scale: ScaleMode::Paper,
            patience: 20,
            activations: None,
            ..short
        }
    }
}
