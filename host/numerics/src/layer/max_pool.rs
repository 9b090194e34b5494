use super::{Source, check};
use crate::{NetworkError, Shape, Window};

/// y = max q over the window; padding reads −128, never the zero point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// What it reads.
    pub input: Source,
    /// Kernel, stride, dilation, padding.
    pub window: Window,
}

impl MaxPool {
    pub(super) fn check(&self, name: &str, input: Shape) -> Result<Shape, NetworkError> {
        let outputs @ [height, width] = check::window(name, self.window, input)?;
        let sizes = [input.height, input.width];
        for d in 0..2 {
            // Of padding alone the maximum would be −128, whatever the image.
            let real =
                |&y: &usize| (0..self.window.kernel[d]).any(|r| self.window.at(d, y, r, sizes[d]).is_some());
            if let Some(output) = (0..outputs[d]).find(|y| !real(y)) {
                let (layer, axis) = (name.to_owned(), ["row", "column"][d]);
                return Err(NetworkError::EmptyWindow { layer, axis, output, window: self.window.into() });
            }
        }
        Ok(Shape::new(height, width, input.channels))
    }
}
