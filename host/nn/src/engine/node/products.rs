//! Linear layers and convolutions.

use rayon::prelude::*;

use crate::graph::{Op, Shape, WeightShape, Window};
use crate::kernels::product::{self, Kernel, Start};
use crate::kernels::reads::Reads;
use crate::kernels::weight_gradient::weight_gradient;

/// Positions per partial sum of a bias gradient.
const POSITIONS: usize = 256;

/// Which values the products of a node read.
#[derive(Clone, Debug)]
pub(crate) struct Products {
    shape: WeightShape,
    forward: Reads,
    /// Of the input gradient, where it is wanted.
    backward: Option<Reads>,
}

impl Products {
    /// For a node that has weights.
    pub(crate) fn new(
        op: &Op,
        shape: WeightShape,
        input: Shape,
        output: Shape,
        input_gradient: bool,
    ) -> Self {
        let (input, window) = match op {
            Op::Convolution { window, .. } => (input, *window),
            _ => (Shape::vector(input.values()), Window::square(1, 1, 0)),
        };
        let forward = Reads::forward(input, &window, output);
        let backward = input_gradient.then(|| Reads::backward(input, &window, output));
        Self { shape, forward, backward }
    }

    fn kernel<'a>(&self, weights: &'a [f32]) -> Kernel<'a> {
        let WeightShape { outputs, kernel, inputs, groups, .. } = self.shape;
        Kernel { weights, outputs, inputs: inputs * groups, groups, taps: kernel[0] * kernel[1] }
    }

    pub(crate) fn forward(&self, x: &[f32], y: &mut [f32], weights: &[f32], bias: Option<&[f32]>) {
        let start = bias.map_or(Start::Zero, Start::Bias);
        product::forward(y, self.kernel(weights), &self.forward, x, start);
    }

    /// dL/dx, added to what is there if `adds`.
    pub(crate) fn input_gradient(&self, dy: &[f32], dx: &mut [f32], weights: &[f32], adds: bool) {
        let start = if adds { Start::Result } else { Start::Zero };
        if let Some(reads) = &self.backward {
            product::backward(dx, self.kernel(weights), reads, dy, start);
        }
    }

    /// dL/dW and, unless `db` is empty, dL/db.
    pub(crate) fn parameter_gradients(&self, x: &[f32], dy: &[f32], dw: &mut [f32], db: &mut [f32]) {
        weight_gradient(dw, self.kernel(&[]), &self.forward, x, dy);
        if !db.is_empty() {
            sum_rows(dy, db);
        }
    }
}

/// `sums[c]` = Σ over rows of `rows[row][c]`.
fn sum_rows(rows: &[f32], sums: &mut [f32]) {
    let channels = sums.len();
    let partial: Vec<Vec<f32>> = rows
        .par_chunks(POSITIONS * channels)
        .map(|rows| {
            let mut sums = vec![0.0; channels];
            for row in rows.chunks_exact(channels) {
                sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            sums
        })
        .collect();
    sums.fill(0.0);
    for part in &partial {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
}
