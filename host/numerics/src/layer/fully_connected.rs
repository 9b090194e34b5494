use super::{ACTIVATION_BOUND, Output, Source, check};
use crate::{NetworkError, Shape, Weights};

/// acc\[o\] = Σ k\[o\]\[i\]·q\[i\], then [`Output`]. An image is read as the vector of its values, NHWC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullyConnected {
    /// What it reads.
    pub input: Source,
    /// Input values.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// `outputs` × `inputs`.
    pub weights: Weights,
    /// What becomes of the accumulators.
    pub output: Output,
}

impl FullyConnected {
    /// The weights of one output channel, or nothing if there is no such channel.
    #[must_use]
    pub fn row(&self, channel: usize) -> &[i8] {
        self.weights.row(channel, self.inputs)
    }

    /// Σ|k|·128: no accumulator of this channel is larger in magnitude.
    #[must_use]
    pub fn accumulator_bound(&self, channel: usize) -> i64 {
        Weights::sums(self.row(channel)).1 * ACTIVATION_BOUND
    }

    pub(crate) fn check(&self, name: &str, input: Shape) -> Result<Shape, NetworkError> {
        if self.inputs != input.values() {
            let (layer, inputs) = (name.to_owned(), self.inputs);
            return Err(NetworkError::Flatten { layer, inputs, input });
        }
        self.check_weights(name)?;
        self.output.check(name, self.outputs, |c| self.accumulator_bound(c), |_| false)?;
        Ok(Shape::vector(self.outputs))
    }

    /// What can be said before there are requantisation constants.
    pub(crate) fn check_weights(&self, name: &str) -> Result<(), NetworkError> {
        let (inputs, outputs) = (self.inputs, self.outputs);
        if inputs == 0 || outputs == 0 {
            return Err(NetworkError::Size { layer: name.to_owned(), inputs, outputs });
        }
        check::weights(name, &self.weights, outputs, inputs)
    }
}
