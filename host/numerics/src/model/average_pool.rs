use super::{LayerResult, Tensor};
use crate::{AveragePool, Shape};

pub fn run(pool: &AveragePool, input: Tensor<'_>, output: Shape) -> LayerResult {
    let window = pool.window;
    let padding = vec![pool.zero_point; output.channels];
    let mut values = Vec::with_capacity(output.values());
    let mut sums = vec![0i32; output.channels];
    for out_y in 0..output.height {
        for out_x in 0..output.width {
            sums.fill(0);
            for row in 0..window.kernel[0] {
                let y = window.at(0, out_y, row, input.shape.height);
                for column in 0..window.kernel[1] {
                    let x = window.at(1, out_x, column, input.shape.width);
                    let seen = if let (Some(y), Some(x)) = (y, x) { input.at(y, x) } else { &padding };
                    sums.iter_mut().zip(seen).for_each(|(sum, &q)| *sum = sum.wrapping_add(i32::from(q)));
                }
            }
            values.extend(sums.iter().map(|&sum| pool.requant.apply(sum, 0, pool.clamp)));
        }
    }
    LayerResult::unmasked(values)
}
