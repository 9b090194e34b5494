//! One convolution of a given shape.

use super::Random;
use crate::build::{Builder, ConvolutionSpec, Draw, Range};
use crate::{Network, NetworkError, Shape, Source, WeightSet, Window};

/// A network of one convolution with random weights of `set` (`None`: int8), requantised with `ReLU`.
///
/// # Errors
/// The window is larger than the padded input, or accumulators do not fit.
pub fn convolution(
    input: Shape,
    outputs: usize,
    window: Window,
    set: Option<WeightSet>,
    seed: u64,
) -> Result<Network, NetworkError> {
    let mut builder = Builder::new(input, -128, 1, false, Random(seed));
    builder.convolution(
        "conv",
        &ConvolutionSpec {
            input: Source::Input,
            outputs,
            groups: 1,
            window,
            weights: Draw { set, extreme: false },
            residual: None,
            range: Some(Range::RELU),
        },
    )?;
    builder.finish("convolution")
}
