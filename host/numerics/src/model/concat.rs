use super::{LayerResult, Tensor};
use crate::Shape;

pub fn run(inputs: &[Tensor<'_>], output: Shape) -> LayerResult {
    let mut values = Vec::with_capacity(output.values());
    for y in 0..output.height {
        for x in 0..output.width {
            for input in inputs {
                values.extend_from_slice(input.at(y, x));
            }
        }
    }
    LayerResult::unmasked(values)
}
