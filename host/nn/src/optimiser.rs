//! Stochastic gradient descent with momentum, and its learning rate over time.

use serde::{Deserialize, Serialize};

use crate::lanes;
use crate::wide::wide;

/// One step, in PyTorch's form: v ← μ·v + (g + decay·w), w ← w − rate·v, without dampening or Nesterov.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SgdStep {
    pub(crate) rate: f32,
    pub(crate) momentum: f32,
    pub(crate) weight_decay: f32,
    /// Largest magnitude of a gradient element; published CBP code: 1.
    pub(crate) clip: f32,
}

impl SgdStep {
    pub(crate) fn apply(&self, parameters: &mut [f32], gradient: &[f32], velocity: &mut [f32]) {
        let Self { rate, momentum, weight_decay, clip } = *self;
        wide!({
            for ((w, &g), v) in parameters.iter_mut().zip(gradient).zip(velocity) {
                *v = momentum * *v + (lanes::clamp(g, -clip, clip) + weight_decay * *w);
                *w -= rate * *v;
            }
        });
    }

    /// The same step for biases and batch norm, which do not decay.
    pub(crate) fn without_decay(self) -> Self {
        Self { weight_decay: 0.0, ..self }
    }
}

/// The learning rate over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateSchedule {
    /// Half a cosine from the full rate to 0 over all steps.
    Cosine,
    /// The published rule: a tenth from the moment that g reaches 20, once. Without CBP the rate is constant.
    Paper,
    /// A tenth more after every so many epochs.
    Step {
        /// Epochs.
        every: u32,
    },
}

impl RateSchedule {
    /// Share of the full rate at `step` of `steps`, after `epoch` epochs; `is_cut` says whether g has reached 20.
    pub(crate) fn factor(self, step: u64, steps: u64, epoch: u32, is_cut: bool) -> f32 {
        match self {
            Self::Cosine => {
                let share = step as f64 / steps.max(1) as f64;
                (0.5 * (1.0 + (std::f64::consts::PI * share).cos())) as f32
            }
            Self::Paper if is_cut => 0.1,
            Self::Paper => 1.0,
            Self::Step { every } => 0.1_f32.powi((epoch / every.max(1)) as i32),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_in_pytorch_form() {
        let step = SgdStep { rate: 0.1, momentum: 0.9, weight_decay: 0.5, clip: 1.0 };
        let (mut w, mut v) = ([2.0], [0.0]);
        step.apply(&mut w, &[3.0], &mut v);
        // The gradient is clipped to 1 before the decay of 0.5·2 is added.
        assert!((v[0] - 2.0).abs() < 1e-6 && (w[0] - 1.8).abs() < 1e-6);
        step.apply(&mut w, &[0.0], &mut v);
        assert!((v[0] - 2.7).abs() < 1e-6 && (w[0] - 1.53).abs() < 1e-6);
    }

    #[test]
    fn a_gradient_that_is_no_number_stays_none() {
        let step = SgdStep { rate: 0.1, momentum: 0.9, weight_decay: 0.5, clip: 1.0 };
        let (mut w, mut v) = ([2.0], [0.0]);
        step.apply(&mut w, &[f32::NAN], &mut v);
        assert!(w[0].is_nan());
    }

    #[test]
    fn rates_over_time() {
        assert!((RateSchedule::Cosine.factor(0, 10, 0, false) - 1.0).abs() < 1e-6);
        assert!((RateSchedule::Cosine.factor(5, 10, 0, true) - 0.5).abs() < 1e-6);
        assert!(RateSchedule::Cosine.factor(10, 10, 0, false).abs() < 1e-6);
        assert!((RateSchedule::Paper.factor(9, 10, 0, false) - 1.0).abs() < 1e-6);
        assert!((RateSchedule::Paper.factor(0, 10, 0, true) - 0.1).abs() < 1e-6);
        assert!((RateSchedule::Step { every: 3 }.factor(0, 10, 7, false) - 0.01).abs() < 1e-6);
    }
}
