//! Fully connected layer.

use rayon::prelude::*;

use super::{FEATURES_PER_TASK, ParamGrad};
use crate::gemm::{Matrix, multiply};
use crate::lanes;
use cbp_data::rng::{Purpose, keyed, symmetric};

/// y = W·x (+ bias).
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// Input features.
    pub inputs: usize,
    /// Output features.
    pub outputs: usize,
    /// W: outputs × inputs, row-major. In a constrained network these are the deployed (quantised) values.
    pub weight: Vec<f32>,
    /// One per output; absent where batch normalisation follows, which has its own.
    pub bias: Option<Vec<f32>>,
}

impl Linear {
    /// He initialisation: uniform in ±√(6 / inputs), which has the variance 2 / inputs that ReLU needs. Bias 0.
    pub(crate) fn new(inputs: usize, outputs: usize, bias: bool, seed: u64, index: u64) -> Self {
        let bound = (6.0 / inputs as f32).sqrt();
        let mut rng = keyed(seed, Purpose::Weights, 0, index);
        let weight = (0..inputs * outputs).map(|_| bound * symmetric(&mut rng)).collect();
        Self { inputs, outputs, weight, bias: bias.then(|| vec![0.0; outputs]) }
    }

    fn matrix(&self) -> Matrix<'_> {
        Matrix::row_major(&self.weight, self.outputs, self.inputs)
    }

    /// x: inputs × batch, y: outputs × batch.
    pub(crate) fn forward(&self, x: Matrix<'_>, y: &mut [f32], batch: usize) {
        multiply(y, self.matrix(), x);
        if let Some(bias) = &self.bias {
            for (y, &bias) in y.chunks_exact_mut(batch).zip(bias) {
                for y in y {
                    *y += bias;
                }
            }
        }
    }

    pub(crate) fn backward(
        &self,
        x: Matrix<'_>,
        dy: &[f32],
        batch: usize,
        grad: &mut ParamGrad,
        dx: Option<&mut [f32]>,
    ) {
        let dy_matrix = Matrix::row_major(dy, self.outputs, batch);
        multiply(&mut grad.weight, dy_matrix, x.transposed());
        if self.bias.is_some() {
            let sums = dy.par_chunks_exact(batch).with_min_len(FEATURES_PER_TASK);
            grad.bias.par_iter_mut().zip(sums).for_each(|(grad, dy)| *grad = lanes::sum(dy, |dy| dy));
        }
        if let Some(dx) = dx {
            multiply(dx, self.matrix().transposed(), dy_matrix);
        }
    }
}
