//! Builds networks with random weights whose activations live: neither constant nor saturated, at any depth.
//!
//! - [`Builder`]: adds layers, one method per operation; each is run on a few random images as soon as it is there
//! - [`calibrate`]: requantisation constants from what the sums are then, as batch normalisation would choose them
//! - [`Range`], [`Draw`]: what outputs and weights should look like

mod calibrate;
mod draw;
mod layers;
mod range;

use crate::model::{self, Values};
use crate::random::Random;
use crate::{Layer, Network, NetworkError, Operation, Shape, Source};

pub use draw::Draw;
pub use layers::{ConvolutionSpec, FullyConnectedSpec};
pub use range::Range;

/// A network in the making.
pub struct Builder {
    pub random: Random,
    /// Images to calibrate with.
    images: usize,
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
    /// `[image][y][x][channel]`; nothing of a raw layer, which nobody reads.
    values: Vec<i8>,
}

impl Builder {
    /// Nothing but an input. With `odd` some channels get unusual constants: multipliers at the ends of their range or
    /// 0, so that a few outputs saturate or are constant.
    pub fn new(input: Shape, zero_point: i8, images: usize, odd: bool, mut random: Random) -> Self {
        let values = random.bytes(images * input.values());
        let tensors = vec![Tensor { shape: input, zero_point, values }];
        Self { random, images, odd, layers: Vec::new(), tensors }
    }

    fn tensor(&self, source: Source) -> &Tensor {
        match source {
            Source::Input => &self.tensors[0],
            Source::Layer(layer) => &self.tensors[layer + 1],
        }
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

    /// Proves that the layer is legal, as far as it is known, and runs it on all images.
    fn run(&self, layer: &Layer) -> Result<(Shape, Values), NetworkError> {
        let sources = layer.sources();
        let shapes: Vec<Shape> = sources.iter().map(|&source| self.shape(source)).collect();
        let output = layer.check(&shapes)?;
        let mut values = if layer.is_raw() { Values::I32(Vec::new()) } else { Values::I8(Vec::new()) };
        for image in 0..self.images {
            let inputs = sources.iter().map(|&source| {
                let Tensor { shape, values, .. } = self.tensor(source);
                model::Tensor { shape: *shape, values: &values[image * shape.values()..][..shape.values()] }
            });
            values.append(model::run_image(layer, &inputs.collect::<Vec<_>>(), output).values);
        }
        Ok((output, values))
    }

    fn push(&mut self, layer: Layer, shape: Shape, zero_point: i8, values: Vec<i8>) -> Source {
        self.layers.push(layer);
        self.tensors.push(Tensor { shape, zero_point, values });
        Source::Layer(self.layers.len() - 1)
    }

    /// Runs the layer and adds it.
    fn add_layer(
        &mut self,
        name: &str,
        operation: Operation,
        zero_point: i8,
    ) -> Result<Source, NetworkError> {
        let layer = Layer { name: name.to_owned(), operation };
        let (shape, values) = self.run(&layer)?;
        Ok(self.push(layer, shape, zero_point, values.into_i8()))
    }

    pub fn finish(self, name: &str) -> Result<Network, NetworkError> {
        Network::new(name, self.tensors[0].shape, self.layers)
    }
}
