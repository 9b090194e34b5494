//! The scalar model: the definition of every result.
//!
//! One operation per file, in plain integer loops. The innermost loop runs over contiguous values, so that the
//! compiler can use vector instructions. Sums wrap instead of being checked because a network's bounds are proved
//! when it is made: no sum leaves 32 bits.

mod add;
mod average_pool;
mod concat;
mod convolution;
mod finish;
mod fully_connected;
mod max_pool;
mod result;

use crate::{Layer, Network, NetworkError, Operation, Shape, Source};

pub(crate) use finish::finish;
pub use result::{LayerResult, Values};

/// One image of a tensor, `[y][x][channel]`.
#[derive(Clone, Copy)]
pub(crate) struct Tensor<'a> {
    pub shape: Shape,
    pub values: &'a [i8],
}

impl<'a> Tensor<'a> {
    /// The channels at a place.
    fn at(self, y: usize, x: usize) -> &'a [i8] {
        let first = (y * self.shape.width + x) * self.shape.channels;
        &self.values[first..first + self.shape.channels]
    }
}

/// Runs a network on `images` images, `input` being `[image][y][x][channel]`, and gives every layer's result, in order.
///
/// # Errors
/// The input has another length.
pub fn run_network(network: &Network, input: &[i8], images: usize) -> Result<Vec<LayerResult>, NetworkError> {
    let inputs = network.inputs();
    if Some(input.len()) != images.checked_mul(inputs) {
        let (network, found) = (network.name().to_owned(), input.len());
        return Err(NetworkError::Input { network, found, images, inputs });
    }
    let mut results: Vec<LayerResult> = Vec::with_capacity(network.layers().len());
    for (layer, &shape) in network.layers().iter().zip(network.shapes()) {
        let sources = layer.sources();
        let mut all = LayerResult::empty(layer);
        for image in 0..images {
            let tensors = sources.iter().map(|&source| {
                let shape = network.shape_of(source);
                let values = match source {
                    Source::Input => input,
                    Source::Layer(index) => results[index].values.as_i8(),
                };
                Tensor { shape, values: &values[image * shape.values()..(image + 1) * shape.values()] }
            });
            all.append(run_image(layer, &tensors.collect::<Vec<_>>(), shape));
        }
        results.push(all);
    }
    Ok(results)
}

/// One image through one layer; `inputs` are what [`Layer::sources`] lists.
pub(crate) fn run_image(layer: &Layer, inputs: &[Tensor<'_>], output: Shape) -> LayerResult {
    match &layer.operation {
        Operation::FullyConnected(fc) => fully_connected::run(fc, inputs[0]),
        Operation::Convolution(c) => convolution::run(c, inputs[0], inputs.get(1).copied(), output),
        Operation::MaxPool(pool) => max_pool::run(pool, inputs[0], output),
        Operation::AveragePool(pool) => average_pool::run(pool, inputs[0], output),
        Operation::Add(add) => add::run(add, inputs[0], inputs[1]),
        Operation::Concat(_) => concat::run(inputs, output),
    }
}

/// Σ a·b.
fn dot(a: &[i8], b: &[i8]) -> i32 {
    a.iter().zip(b).fold(0, |sum: i32, (&a, &b)| sum.wrapping_add(i32::from(a) * i32::from(b)))
}
