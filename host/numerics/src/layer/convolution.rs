use super::{ACTIVATION_BOUND, Output, Source, check};
use crate::{NetworkError, Shape, Weights, Window};

/// acc\[y\]\[x\]\[o\] = Σ k\[o\]\[r\]\[c\]\[i\]·q\[y·s + r·d − p\]\[x·s + c·d − p\]\[i\], then [`Output`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Convolution {
    /// What it reads.
    pub input: Source,
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Groups that input and output channels are cut into: group g's outputs see group g's inputs only. Depthwise:
    /// as many as input channels.
    pub groups: usize,
    /// Kernel, stride, dilation, padding.
    pub window: Window,
    /// What padding reads: the input's zero point.
    pub zero_point: i8,
    /// `[outputs][kernel rows][kernel columns][inputs / groups]`.
    pub weights: Weights,
    /// A second operand, added before rounding ([`crate::Requant::residual`]); not with a raw output.
    pub residual: Option<Residual>,
    /// What becomes of the accumulators.
    pub output: Output,
}

/// The second operand of a convolution: r at output (y, x, c) is value (y·stride, x·stride, c − first) of the tensor.
/// Output channels for which there is no such channel get no residual term, their zero point included (option-A
/// shortcuts pad with the real value 0); their [`crate::Requant::residual`] is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    /// The tensor.
    pub source: Source,
    /// Rows and columns of the tensor per output row and column.
    pub stride: usize,
    /// Output channel that gets the tensor's channel 0.
    pub first: usize,
}

impl Convolution {
    /// Weights of one output channel.
    #[must_use]
    pub const fn row_length(&self) -> usize {
        match self.inputs.checked_div(self.groups) {
            Some(inputs) => self.window.area() * inputs,
            None => 0,
        }
    }

    /// The weights of one output channel, or nothing if there is no such channel.
    #[must_use]
    pub fn row(&self, channel: usize) -> &[i8] {
        self.weights.row(channel, self.row_length())
    }

    /// Σ|k|·128: no accumulator of this channel is larger in magnitude.
    #[must_use]
    pub fn accumulator_bound(&self, channel: usize) -> i64 {
        Weights::sums(self.row(channel)).1 * ACTIVATION_BOUND
    }

    pub(crate) fn check(
        &self,
        name: &str,
        input: Shape,
        residual: Option<Shape>,
    ) -> Result<Shape, NetworkError> {
        let layer = || name.to_owned();
        let (inputs, outputs, groups) = (self.inputs, self.outputs, self.groups);
        if inputs == 0 || outputs == 0 {
            return Err(NetworkError::Size { layer: layer(), inputs, outputs });
        }
        if groups == 0 || !inputs.is_multiple_of(groups) || !outputs.is_multiple_of(groups) {
            return Err(NetworkError::Groups { layer: layer(), groups, inputs, outputs });
        }
        check::channels(name, inputs, input)?;
        let [height, width] = check::window(name, self.window, input)?;
        check::weights(name, &self.weights, outputs, self.row_length())?;
        let shape = Shape::new(height, width, outputs);
        let mut with_residual = 0..0;
        if let (Some(shortcut), Some(tensor)) = (self.residual, residual) {
            if self.output == Output::Raw {
                return Err(NetworkError::RawResidual { layer: layer() });
            }
            shortcut.check(name, tensor, shape)?;
            with_residual = shortcut.first..shortcut.first + tensor.channels;
        }
        let bound = |c| self.accumulator_bound(c);
        self.output.check(name, outputs, bound, |c| with_residual.contains(&c))?;
        Ok(shape)
    }
}

impl Residual {
    /// The tensor, read with the stride, has exactly the output's rows and columns, and its channels fit.
    fn check(self, name: &str, tensor: Shape, output: Shape) -> Result<(), NetworkError> {
        let Self { stride, first, .. } = self;
        let fits = |size: usize, expected| stride > 0 && size.div_ceil(stride) == expected;
        let last = first.checked_add(tensor.channels);
        if fits(tensor.height, output.height)
            && fits(tensor.width, output.width)
            && last.is_some_and(|last| last <= output.channels)
        {
            Ok(())
        } else {
            Err(NetworkError::Residual { layer: name.to_owned(), tensor, stride, first, output })
        }
    }
}
