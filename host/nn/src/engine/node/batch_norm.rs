//! Batch normalisation per channel.

use rayon::prelude::*;

use crate::wide::wide;

/// Positions per partial sum.
const POSITIONS: usize = 256;

/// Statistics that a forward step used, one of each per channel; its backward step needs them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Statistics {
    mean: Vec<f32>,
    /// What the rounding of the mean left: where values differ little from each other it is not small beside their
    /// differences.
    mean_rest: Vec<f32>,
    inverse_deviation: Vec<f32>,
    /// Whether they are those of the batch, through which gradients then flow too.
    of_batch: bool,
}

/// The statistics of a batch, x is positions × channels; moves the running ones towards them.
pub(crate) fn measure(x: &[f32], eps: f32, momentum: f32, mean: &mut [f32], var: &mut [f32]) -> Statistics {
    let channels = mean.len();
    // Sums of differences from some value of the channel: squares of the values themselves would lose the variance of
    // a channel whose mean is large.
    let pivot = &x[..channels];
    let sums =
        column_sums(x, x, channels, |x, _, pivot, _| (x - pivot, (x - pivot) * (x - pivot)), pivot, pivot);
    let count = (x.len() / channels) as f64;
    let mut batch = Statistics { of_batch: true, ..Statistics::default() };
    for (channel, (first, second)) in sums.into_iter().enumerate() {
        let shift = first / count;
        let exact_mean = f64::from(pivot[channel]) + shift;
        let batch_mean = exact_mean as f32;
        let squares = (second - first * shift).max(0.0);
        mean[channel] += momentum * (batch_mean - mean[channel]);
        var[channel] += momentum * ((squares / (count - 1.0).max(1.0)) as f32 - var[channel]);
        batch.mean.push(batch_mean);
        batch.mean_rest.push((exact_mean - f64::from(batch_mean)) as f32);
        batch.inverse_deviation.push((1.0 / (squares / count + f64::from(eps)).sqrt()) as f32);
    }
    batch
}

/// Running statistics, to be used as constants.
pub(crate) fn constant(eps: f32, mean: &[f32], var: &[f32]) -> Statistics {
    let inverse_deviation = var.iter().map(|var| 1.0 / (var + eps).sqrt()).collect();
    Statistics { mean: mean.to_vec(), mean_rest: vec![0.0; mean.len()], inverse_deviation, of_batch: false }
}

impl Statistics {
    /// y = γ·(x − mean)·inverse deviation + β.
    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], gamma: &[f32], beta: &[f32]) {
        let channels = gamma.len();
        let (scale, beta) = (self.scale(gamma), self.shift(gamma, beta));
        y.par_chunks_mut(POSITIONS * channels).zip(x.par_chunks(POSITIONS * channels)).for_each(|(y, x)| {
            for (y, x) in y.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                normalise(y, x, &self.mean, &scale, &beta);
            }
        });
    }

    /// The same in one buffer.
    pub(crate) fn forward_in_place(&self, values: &mut [f32], gamma: &[f32], beta: &[f32]) {
        let channels = gamma.len();
        let (scale, beta) = (self.scale(gamma), self.shift(gamma, beta));
        values.par_chunks_mut(POSITIONS * channels).for_each(|values| {
            for values in values.chunks_exact_mut(channels) {
                normalise_in_place(values, &self.mean, &scale, &beta);
            }
        });
    }

    fn scale(&self, gamma: &[f32]) -> Vec<f32> {
        gamma.iter().zip(&self.inverse_deviation).map(|(gamma, inverse)| gamma * inverse).collect()
    }

    /// β − (rest of the mean)·scale: so that γ·(x − mean)/σ + β is (x − mean)·scale + shift.
    fn shift(&self, gamma: &[f32], beta: &[f32]) -> Vec<f32> {
        let rest = self.mean_rest.iter().zip(self.scale(gamma));
        beta.iter().zip(rest).map(|(beta, (rest, scale))| beta - rest * scale).collect()
    }

    /// Writes dL/dγ and dL/dβ, and turns dL/dy into dL/dx.
    pub(crate) fn backward(
        &self,
        x: &[f32],
        gradient: &mut [f32],
        gamma: &[f32],
        d_gamma: &mut [f32],
        d_beta: &mut [f32],
    ) {
        let channels = gamma.len();
        let count = (x.len() / channels) as f64;
        let sums = column_sums(
            x,
            gradient,
            channels,
            |x, dy, mean, _| (dy, (x - mean) * dy),
            &self.mean,
            &self.mean,
        );
        let scale = self.scale(gamma);
        let mut mean_dy = vec![0.0; channels];
        let mut slope = vec![0.0; channels];
        for (channel, (first, second)) in sums.into_iter().enumerate() {
            let inverse = f64::from(self.inverse_deviation[channel]);
            let rest = f64::from(self.mean_rest[channel]);
            let second = second - rest * first;
            d_beta[channel] = first as f32;
            d_gamma[channel] = (second * inverse) as f32;
            if self.of_batch {
                let through = second * inverse * inverse / count;
                slope[channel] = through as f32;
                mean_dy[channel] = (first / count - rest * through) as f32;
            }
        }
        let block = POSITIONS * channels;
        let (mean, scale, mean_dy, slope) = (&self.mean[..], &scale[..], &mean_dy[..], &slope[..]);
        gradient.par_chunks_mut(block).zip(x.par_chunks(block)).for_each(|(gradient, x)| {
            for (gradient, x) in gradient.chunks_exact_mut(channels).zip(x.chunks_exact(channels)) {
                wide!({
                    let constants = scale.iter().zip(mean_dy).zip(mean.iter().zip(slope));
                    for ((dy, &x), ((&scale, &mean_dy), (&mean, &slope))) in
                        gradient.iter_mut().zip(x).zip(constants)
                    {
                        *dy = scale * (*dy - mean_dy - (x - mean) * slope);
                    }
                });
            }
        });
    }
}

fn normalise(y: &mut [f32], x: &[f32], mean: &[f32], scale: &[f32], beta: &[f32]) {
    wide!({
        let constants = mean.iter().zip(scale).zip(beta);
        for ((y, &x), ((&mean, &scale), &beta)) in y.iter_mut().zip(x).zip(constants) {
            *y = (x - mean) * scale + beta;
        }
    });
}

fn normalise_in_place(values: &mut [f32], mean: &[f32], scale: &[f32], beta: &[f32]) {
    wide!({
        let constants = mean.iter().zip(scale).zip(beta);
        for (value, ((&mean, &scale), &beta)) in values.iter_mut().zip(constants) {
            *value = (*value - mean) * scale + beta;
        }
    });
}

/// Two sums per channel of terms f(x, y, `a[channel]`, `b[channel]`): blocks in f32, their sums in f64.
fn column_sums(
    x: &[f32],
    y: &[f32],
    channels: usize,
    term: impl Fn(f32, f32, f32, f32) -> (f32, f32) + Copy + Sync + Send,
    a: &[f32],
    b: &[f32],
) -> Vec<(f64, f64)> {
    let block = POSITIONS * channels;
    let partial: Vec<(Vec<f32>, Vec<f32>)> = x
        .par_chunks(block)
        .zip(y.par_chunks(block))
        .map(|(x, y)| {
            let (mut first, mut second) = (vec![0.0; channels], vec![0.0; channels]);
            let (first_sums, second_sums) = (&mut first[..], &mut second[..]);
            wide!({
                for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact(channels)) {
                    let sums = first_sums.iter_mut().zip(second_sums.iter_mut());
                    for (((first, second), (&x, &y)), (&a, &b)) in
                        sums.zip(x.iter().zip(y)).zip(a.iter().zip(b))
                    {
                        let (one, two) = term(x, y, a, b);
                        *first += one;
                        *second += two;
                    }
                }
            });
            (first, second)
        })
        .collect();
    let mut sums = vec![(0.0, 0.0); channels];
    for (first, second) in &partial {
        for (sum, (&first, &second)) in sums.iter_mut().zip(first.iter().zip(second)) {
            sum.0 += f64::from(first);
            sum.1 += f64::from(second);
        }
    }
    sums
}
