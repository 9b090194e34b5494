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
    /// Largest random shift of an image, in pixels.
    pub max_shift: u32,
    /// Accuracy is measured after every so many epochs, and always after the last; 0: only after the last.
    pub evaluate_every: u32,
}

/// Settings of float training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainConfig {
    /// Sizes of the hidden layers.
    pub hidden: Vec<usize>,
    /// The rest.
    pub training: TrainConfig,
}

/// Settings of constrained training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CbpConfig {
    /// What is not special to CBP.
    pub training: TrainConfig,
    /// Choice of the scales.
    pub scale: ScaleMode,
    /// Step of the multipliers' ascent.
    pub multiplier_rate: f32,
    /// Epochs after which g advances at the latest.
    pub patience: u32,
    /// Whether there are multipliers at all; without them this is plain straight-through training.
    pub multipliers: bool,
    /// Whether weights near a median are left free (the unconstrained-weight window).
    pub window: bool,
    /// 8-bit activations; absent: float activations, as published.
    pub activations: Option<ActivationConfig>,
}

/// Settings of activation quantisation, our extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivationConfig {
    /// The observed ranges stay as they are during so many last epochs.
    pub frozen_epochs: u32,
}

/// Which layers are constrained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ends {
    /// All but the first and the last, as published; those two have int8 weights.
    Int8,
    /// All.
    Constrained,
}

impl PretrainConfig {
    /// Settings of the demo: a network for digits, trained in `epochs` passes.
    #[must_use]
    pub fn demo(epochs: u32) -> Self {
        Self { hidden: vec![256; 3], training: TrainConfig::demo(epochs) }
    }
}

impl TrainConfig {
    fn demo(epochs: u32) -> Self {
        Self {
            epochs,
            batch: 128,
            seed: 1,
            rate: 0.1,
            rate_schedule: RateSchedule::Cosine,
            momentum: 0.9,
            weight_decay: 1e-4,
            max_shift: 2,
            evaluate_every: 0,
        }
    }
}

impl CbpConfig {
    /// Settings of the demo. For a small budget g advances after every epoch, and the learning rate does not depend
    /// on g: the published rules need hundreds of epochs and tie the rate to the noise of the loss.
    #[must_use]
    pub fn demo(epochs: u32) -> Self {
        Self {
            training: TrainConfig { rate: 0.05, ..TrainConfig::demo(epochs) },
            scale: ScaleMode::LeastSquares,
            multiplier_rate: 1e-2,
            patience: 1,
            multipliers: true,
            window: true,
            activations: Some(ActivationConfig { frozen_epochs: epochs.div_ceil(4) }),
        }
    }

    /// The published rules, with float activations: scale mean |w|, patience 20, rate cut at g = 20. Rates and epochs
    /// are not published for networks of this size.
    #[must_use]
    pub fn paper(epochs: u32) -> Self {
        let training = TrainConfig {
            rate: 0.02,
            rate_schedule: RateSchedule::Paper,
            batch: 256,
            ..TrainConfig::demo(epochs)
        };
        Self { training, scale: ScaleMode::Paper, patience: 20, activations: None, ..Self::demo(epochs) }
    }
}
