//! Batch normalisation per feature.

use rayon::prelude::*;

use super::{FEATURES_PER_TASK, ParamGrad};
use crate::lanes;
use crate::wide::wide;

/// Weight of the newest batch in the running statistics.
const RUNNING_RATE: f32 = 0.1;
/// ε added to the variance.
const EPS: f32 = 1e-5;

/// y = γ·(x − mean)/√(var + ε) + β, with the statistics of the batch in training and running ones in inference.
#[derive(Clone, Debug)]
pub struct BatchNorm {
    /// γ, one per feature.
    pub gamma: Vec<f32>,
    /// β, one per feature.
    pub beta: Vec<f32>,
    /// Running mean of the batches.
    pub running_mean: Vec<f32>,
    /// Running variance of the batches, unbiased (n − 1).
    pub running_var: Vec<f32>,
    /// ε.
    pub eps: f32,
    /// Statistics of the batch of the last training forward, kept for its backward.
    batch: Vec<Statistics>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Statistics {
    mean: f32,
    inverse_deviation: f32,
}

/// The scratch of the last batch is no part of the layer's value.
impl PartialEq for BatchNorm {
    fn eq(&self, other: &Self) -> bool {
        self.gamma == other.gamma
            && self.beta == other.beta
            && self.running_mean == other.running_mean
            && self.running_var == other.running_var
            && self.eps.to_bits() == other.eps.to_bits()
    }
}

impl BatchNorm {
    /// γ = 1, β = 0, running mean 0 and variance 1.
    pub(crate) fn new(features: usize) -> Self {
        Self {
            gamma: vec![1.0; features],
            beta: vec![0.0; features],
            running_mean: vec![0.0; features],
            running_var: vec![1.0; features],
            eps: EPS,
            batch: vec![Statistics::default(); features],
        }
    }

    pub(crate) fn forward_train(&mut self, x: &[f32], y: &mut [f32], batch: usize) {
        let eps = self.eps;
        let running = self.running_mean.par_iter_mut().zip(&mut self.running_var).zip(&mut self.batch);
        let affine = self.gamma.par_iter().zip(&self.beta);
        y.par_chunks_exact_mut(batch)
            .with_min_len(FEATURES_PER_TASK)
            .zip(x.par_chunks_exact(batch))
            .zip(running)
            .zip(affine)
            .for_each(|(((y, x), ((running_mean, running_var), statistics)), (&gamma, &beta))| {
                let n = batch as f32;
                let mean = lanes::sum(x, |x| x) / n;
                let squares = lanes::sum(x, |x| (x - mean) * (x - mean));
                let inverse_deviation = 1.0 / (squares / n + eps).sqrt();
                *running_mean += RUNNING_RATE * (mean - *running_mean);
                *running_var += RUNNING_RATE * (squares / (n - 1.0) - *running_var);
                *statistics = Statistics { mean, inverse_deviation };
                normalise(y, x, mean, gamma * inverse_deviation, beta);
            });
    }

    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], batch: usize) {
        let affine = self.gamma.par_iter().zip(&self.beta);
        let running = self.running_mean.par_iter().zip(&self.running_var);
        y.par_chunks_exact_mut(batch)
            .with_min_len(FEATURES_PER_TASK)
            .zip(x.par_chunks_exact(batch))
            .zip(running)
            .zip(affine)
            .for_each(|(((y, x), (&mean, &var)), (&gamma, &beta))| {
                normalise(y, x, mean, gamma / (var + self.eps).sqrt(), beta);
            });
    }

    pub(crate) fn backward(&self, x: &[f32], dy: &[f32], batch: usize, grad: &mut ParamGrad, dx: &mut [f32]) {
        let grads = grad.weight.par_iter_mut().zip(&mut grad.bias);
        dx.par_chunks_exact_mut(batch)
            .with_min_len(FEATURES_PER_TASK)
            .zip(x.par_chunks_exact(batch).zip(dy.par_chunks_exact(batch)))
            .zip(self.gamma.par_iter().zip(&self.batch))
            .zip(grads)
            .for_each(|(((dx, (x, dy)), (&gamma, statistics)), (d_gamma, d_beta))| {
                let &Statistics { mean, inverse_deviation } = statistics;
                *d_beta = lanes::sum(dy, |dy| dy);
                *d_gamma = lanes::sum2(x, dy, |x, dy| (x - mean) * dy) * inverse_deviation;
                let mean_dy = *d_beta / batch as f32;
                let slope = *d_gamma * inverse_deviation / batch as f32;
                let scale = gamma * inverse_deviation;
                wide!({
                    for ((dx, &x), &dy) in dx.iter_mut().zip(x).zip(dy) {
                        *dx = scale * (dy - mean_dy - (x - mean) * slope);
                    }
                });
            });
    }
}

fn normalise(y: &mut [f32], x: &[f32], mean: f32, scale: f32, beta: f32) {
    wide!({
        for (y, &x) in y.iter_mut().zip(x) {
            *y = (x - mean) * scale + beta;
        }
    });
}
