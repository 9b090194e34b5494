//! Settings of training.

use serde::{Deserialize, Serialize};

use crate::cbp::scale::ScaleMode;
use crate::error::TrainError;
use crate::optimiser::RateSchedule;

/// What float training and constrained training have in common.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// What training minimises.
    #[serde(default)]
    pub loss: Loss,
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

/// What training minimises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Loss {
    /// Mean cross-entropy of the softmax of the outputs, in nats.
    #[default]
    CrossEntropy,
    /// Mean of (output − target)² over all outputs; the target is 1 for the class of the image, 0 for the others.
    MeanSquaredError,
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
            loss: Loss::default(),
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

impl TrainConfig {
    /// Refuses settings that make no sense. (Whether the batch fits the data is known when they are.)
    ///
    /// # Errors
    /// [`TrainError::Settings`] names the first one.
    pub fn check(&self) -> Result<(), TrainError> {
        not_negative("the learning rate", self.rate)?;
        within("the momentum", self.momentum, (0.0..1.0).contains(&self.momentum), "choose 0 to below 1")?;
        not_negative("the weight decay", self.weight_decay)?;
        positive_or_none("the bound of the gradient", self.gradient_clip)?;
        let slope = self.relu_grad_at_zero;
        within("the derivative of ReLU at 0", slope, (0.0..=1.0).contains(&slope), "choose 0 to 1")
    }
}

fn within(
    what: &str,
    value: impl std::fmt::Display,
    is_within: bool,
    remedy: &'static str,
) -> Result<(), TrainError> {
    if is_within { Ok(()) } else { Err(TrainError::Settings { what: format!("{what} is {value}"), remedy }) }
}

fn not_negative(what: &str, value: f32) -> Result<(), TrainError> {
    within(what, value, value.is_finite() && value >= 0.0, "choose a number of at least 0")
}

fn positive_or_none(what: &str, bound: Option<f32>) -> Result<(), TrainError> {
    let Some(bound) = bound else { return Ok(()) };
    within(what, bound, bound.is_finite() && bound > 0.0, "choose a number above 0, or none")
}

impl CbpConfig {
    /// As [`TrainConfig::check`], for all settings.
    ///
    /// # Errors
    /// [`TrainError::Settings`] names the first one.
    pub fn check(&self) -> Result<(), TrainError> {
        self.training.check()?;
        not_negative("the step of the multipliers", self.multiplier_rate)?;
        within("the patience", self.patience, self.patience >= 1, "choose at least 1 epoch")?;
        positive_or_none("the bound of latent weights", self.weight_clip)?;
        if let Some(ActivationConfig { bits, .. }) = self.activations {
            within("the number of bits of activations", bits, (2..=8).contains(&bits), "choose 2 to 8")?;
        }
        if let Some(StopRule { satisfied, .. }) = self.stop {
            let is_share = (0.0..=1.0).contains(&satisfied);
            within("the share at which training stops", satisfied, is_share, "choose 0 to 1")?;
        }
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_refused_by_name() {
        let good = CbpConfig::short(4);
        good.check().unwrap();
        CbpConfig::paper(4).check().unwrap();
        let training = |change: fn(&mut TrainConfig)| {
            let mut config = good;
            change(&mut config.training);
            config
        };
        let stop = |satisfied| Some(StopRule { g: 1, satisfied });
        let activations = |bits| Some(ActivationConfig { bits, frozen_epochs: 0 });
        for (config, name) in [
            (training(|config| config.rate = f32::NAN), "rate is NaN"),
            (training(|config| config.rate = -0.1), "rate is -0.1"),
            (training(|config| config.momentum = 1.0), "momentum is 1"),
            (training(|config| config.weight_decay = f32::INFINITY), "decay is inf"),
            (training(|config| config.gradient_clip = Some(f32::NAN)), "gradient is NaN"),
            (training(|config| config.relu_grad_at_zero = f32::NAN), "ReLU at 0 is NaN"),
            (CbpConfig { multiplier_rate: f32::NAN, ..good }, "multipliers is NaN"),
            (CbpConfig { patience: 0, ..good }, "patience is 0"),
            (CbpConfig { weight_clip: Some(-1.0), ..good }, "weights is -1"),
            (CbpConfig { activations: activations(9), ..good }, "activations is 9"),
            (CbpConfig { stop: stop(7.0), ..good }, "stops is 7"),
            (CbpConfig { stop: stop(f64::NAN), ..good }, "stops is NaN"),
        ] {
            let message = config.check().unwrap_err().to_string();
            assert!(message.contains(name) && message.contains("; choose"), "{message}");
        }
    }
}
