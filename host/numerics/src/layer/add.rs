use super::{ACTIVATION_BOUND, Source, check};
use crate::{Clamp, NetworkError, Requant, Shape};

/// P = q·m + B + r·R, then as any requantisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Add {
    /// Where q and r come from: tensors of one shape.
    pub inputs: [Source; 2],
    /// For every channel.
    pub requant: Requant,
    /// Zero point and range of the output.
    pub clamp: Clamp,
}

impl Add {
    pub(super) fn check(&self, name: &str, shapes: [Shape; 2]) -> Result<Shape, NetworkError> {
        let [first, second] = shapes;
        if first != second {
            return Err(NetworkError::Add { layer: name.to_owned(), first, second });
        }
        check::clamp(name, self.clamp)?;
        check::requant(name, 0, self.requant, ACTIVATION_BOUND, true)?;
        Ok(first)
    }
}
