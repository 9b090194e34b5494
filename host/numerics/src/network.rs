//! A chain of layers.

use crate::{Layer, NetworkError, Output};

/// A network whose every bound is proved: [`Network::new`] is the only way to make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    name: String,
    layers: Vec<Layer>,
}

impl Network {
    /// Checks each layer and that they fit each other.
    ///
    /// # Errors
    /// The first fault, by layer and channel.
    pub fn new(name: impl Into<String>, layers: Vec<Layer>) -> Result<Self, NetworkError> {
        let name = name.into();
        if layers.is_empty() {
            return Err(NetworkError::Empty { network: name });
        }
        for layer in &layers {
            layer.check()?;
        }
        for pair in layers.windows(2) {
            let (layer, next) = (&pair[0], &pair[1]);
            if *layer.output() == Output::Raw {
                return Err(NetworkError::RawInside { layer: layer.name.clone(), next: next.name.clone() });
            }
            if layer.outputs() != next.inputs() {
                let (inputs, previous) = (next.inputs(), layer.outputs());
                return Err(NetworkError::Chain { layer: next.name.clone(), inputs, previous });
            }
        }
        Ok(Self { name, layers })
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

    /// Values of one input image.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.layers.first().map_or(0, Layer::inputs)
    }

    /// Values of one output image.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.layers.last().map_or(0, Layer::outputs)
    }
}
