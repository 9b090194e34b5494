use super::{ACTIVATION_BOUND, Source, check};
use crate::{Clamp, NetworkError, Requant, Shape, Window};

/// acc = Σ q over the window, exact, then requantised. Padding reads `zero_point` (`count_include_pad`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AveragePool {
    /// What it reads.
    pub input: Source,
    /// Kernel, stride, dilation, padding.
    pub window: Window,
    /// What padding reads: the input's zero point.
    pub zero_point: i8,
    /// For every channel.
    pub requant: Requant,
    /// Zero point and range of the output.
    pub clamp: Clamp,
}

impl AveragePool {
    /// No sum is larger in magnitude.
    #[must_use]
    pub const fn accumulator_bound(&self) -> i64 {
        (self.window.area() as i64).saturating_mul(ACTIVATION_BOUND)
    }

    pub(super) fn check(&self, name: &str, input: Shape) -> Result<Shape, NetworkError> {
        let [height, width] = check::window(name, self.window, input)?;
        let bound = self.accumulator_bound();
        check::accumulator(name, 0, bound)?;
        check::clamp(name, self.clamp)?;
        check::requant(name, 0, self.requant, bound, false)?;
        Ok(Shape::new(height, width, input.channels))
    }
}
