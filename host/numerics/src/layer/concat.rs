use super::Source;
use crate::{NetworkError, Shape};

/// Channels of all inputs one behind the other; the inputs have one scale and zero point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concat {
    /// Tensors of one height and width.
    pub inputs: Vec<Source>,
}

impl Concat {
    pub(super) fn check(name: &str, shapes: &[Shape]) -> Result<Shape, NetworkError> {
        let layer = || name.to_owned();
        let Some(&first) = shapes.first() else { return Err(NetworkError::NoInputs { layer: layer() }) };
        let size = |shape: Shape| [shape.height, shape.width];
        if let Some(&other) = shapes.iter().find(|&&shape| size(shape) != size(first)) {
            return Err(NetworkError::Concat { layer: layer(), first, other });
        }
        Ok(Shape { channels: shapes.iter().map(|shape| shape.channels).sum(), ..first })
    }
}
