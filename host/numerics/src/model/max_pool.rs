use super::{LayerResult, Tensor};
use crate::{MaxPool, Shape};

pub fn run(pool: &MaxPool, input: Tensor<'_>, output: Shape) -> LayerResult {
    let window = pool.window;
    let mut values = vec![i8::MIN; output.values()];
    for (position, largest) in values.chunks_exact_mut(output.channels).enumerate() {
        let (out_y, out_x) = (position / output.width, position % output.width);
        for row in 0..window.kernel[0] {
            let Some(y) = window.at(0, out_y, row, input.shape.height) else { continue };
            for column in 0..window.kernel[1] {
                let Some(x) = window.at(1, out_x, column, input.shape.width) else { continue };
                largest.iter_mut().zip(input.at(y, x)).for_each(|(largest, &q)| *largest = q.max(*largest));
            }
        }
    }
    LayerResult::unmasked(values)
}
