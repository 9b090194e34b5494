//! A graph of layers.

use crate::{Layer, NetworkError, Shape, Source};

/// A network whose every bound is proved: [`Network::new`] is the only way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    name: String,
    input: Shape,
    layers: Vec<Layer>,
    /// Of each layer's output.
    shapes: Vec<Shape>,
}

impl Network {
    /// Checks each layer and that they fit each other. Layers stand in topological order: each reads the input and
    /// layers before it. The last layer is the network's output.
    ///
    /// # Errors
    /// The first fault, by layer and channel.
    pub fn new(name: impl Into<String>, input: Shape, layers: Vec<Layer>) -> Result<Self, NetworkError> {
        let name = name.into();
        if layers.is_empty() {
            return Err(NetworkError::Empty { network: name });
        }
        if input.values() == 0 {
            return Err(NetworkError::EmptyInput { network: name, input });
        }
        let mut shapes = Vec::with_capacity(layers.len());
        for (index, layer) in layers.iter().enumerate() {
            let sources = layer.sources();
            for &source in &sources {
                if let Source::Layer(reads) = source {
                    let Some(read) = layers[..index].get(reads) else {
                        return Err(NetworkError::Source { layer: layer.name.clone(), index, reads });
                    };
                    if read.is_raw() {
                        let (layer, next) = (read.name.clone(), layer.name.clone());
                        return Err(NetworkError::RawInside { layer, next });
                    }
                }
            }
            let inputs: Vec<Shape> = sources.iter().map(|&source| shape_of(input, &shapes, source)).collect();
            shapes.push(layer.check(&inputs)?);
        }
        Ok(Self { name, input, layers, shapes })
    }

    /// Name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The layers, at least one, in order.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Shape of the input.
    #[must_use]
    pub const fn input(&self) -> Shape {
        self.input
    }

    /// Shape of every layer's output.
    #[must_use]
    pub fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// Shape of a tensor; without values if there is no such layer.
    #[must_use]
    pub fn shape_of(&self, source: Source) -> Shape {
        shape_of(self.input, &self.shapes, source)
    }

    /// Values of one input image.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        self.input.values()
    }

    /// Values of one output image.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.shapes.last().map_or(0, |shape| shape.values())
    }

    /// Weights of all layers.
    #[must_use]
    pub fn weights(&self) -> usize {
        self.layers.iter().map(Layer::weights).sum()
    }

    /// Multiplications of weights with activations for one image.
    #[must_use]
    pub fn macs(&self) -> u64 {
        self.layers.iter().zip(&self.shapes).map(|(layer, &shape)| layer.macs(shape)).sum()
    }
}

fn shape_of(input: Shape, shapes: &[Shape], source: Source) -> Shape {
    match source {
        Source::Input => input,
        Source::Layer(index) => shapes.get(index).copied().unwrap_or(Shape::new(0, 0, 0)),
    }
}
