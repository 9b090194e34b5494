//! Builds networks with random weights whose activations live: neither constant nor saturated, at any depth.
//!
//! - [`Builder`]: adds layers, one method per operation
//! - [`Samples`]: some pixels that a tensor is likely to hold; windows are put together from them, so that the cost of
//!   calibrating does not depend on the size of images
//! - [`calibrate`]: requantisation constants from the sums over such windows, as batch normalisation would choose them
//! - [`Range`], [`Draw`]: what outputs and weights should look like

mod calibrate;
mod draw;
mod layers;
mod range;
mod samples;

use crate::random::Random;
use crate::{Layer, Network, NetworkError, Operation, Shape, Source};

pub use draw::Draw;
pub use layers::{ConvolutionSpec, FullyConnectedSpec};
pub use range::Range;
use samples::Samples;

/// A network in the making.
pub struct Builder {
    pub random: Random,
    /// Whether some channels get unusual constants.
    odd: bool,
    layers: Vec<Layer>,
    /// The input, then every layer's output.
    tensors: Vec<Tensor>,
}

/// What is known of a tensor.
struct Tensor {
    shape: Shape,
    zero_point: i8,
    samples: Samples,
}

impl Builder {
    /// Nothing but an input. With `odd` some channels get unusual constants: multipliers at the ends of their range or
    /// 0, so that a few outputs saturate or are constant.
    pub fn new(input: Shape, zero_point: i8, odd: bool, mut random: Random) -> Self {
        let samples = Samples::of_input(input.channels, &mut random);
        Self { random, odd, layers: Vec::new(), tensors: vec![Tensor { shape: input, zero_point, samples }] }
    }

    fn tensor(&self, source: Source) -> &Tensor {
        &self.tensors[index(source)]
    }

    pub fn shape(&self, source: Source) -> Shape {
        self.tensor(source).shape
    }

    pub fn zero_point(&self, source: Source) -> i8 {
        self.tensor(source).zero_point
    }

    /// Layers so far.
    pub const fn len(&self) -> usize {
        self.layers.len()
    }

    /// Proves that the layer is legal, as far as it is known.
    fn check(&self, name: &str, operation: Operation) -> Result<(Layer, Shape), NetworkError> {
        let layer = Layer { name: name.to_owned(), operation };
        let shapes: Vec<Shape> = layer.sources().into_iter().map(|source| self.shape(source)).collect();
        let shape = layer.check(&shapes)?;
        Ok((layer, shape))
    }

    fn push(&mut self, layer: Layer, shape: Shape, zero_point: i8, samples: Samples) -> Source {
        self.layers.push(layer);
        self.tensors.push(Tensor { shape, zero_point, samples });
        Source::Layer(self.layers.len() - 1)
    }

    pub fn finish(self, name: &str) -> Result<Network, NetworkError> {
        Network::new(name, self.tensors[0].shape, self.layers)
    }
}

const fn index(source: Source) -> usize {
    match source {
        Source::Input => 0,
        Source::Layer(layer) => layer + 1,
    }
}
