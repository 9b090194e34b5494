//! One layer.

use crate::{Clamp, NetworkError, Requant, Weights, Window};

/// Largest |q| of an activation.
const ACTIVATION_BOUND: i64 = 128;

/// Where a layer takes a tensor from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The network's input.
    Input,
    /// The output of an earlier layer, by index.
    Layer(usize),
}

/// A named layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Name, used in every message about it.
    pub name: String,
    /// What it does.
    pub operation: Operation,
}

/// What a layer does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Every output sees every input.
    FullyConnected(FullyConnected),
    /// A kernel slides over an image.
    Convolution(Convolution),
    /// The largest value of every window, channel by channel.
    MaxPool(MaxPool),
    /// The mean of every window, channel by channel.
    AveragePool(AveragePool),
    /// The sum of two tensors.
    Add(Add),
    /// Tensors side by side along the channels.
    Concat(Concat),
}

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
    /// A second operand, added before rounding ([`Requant::residual`]); not with a raw output.
    pub residual: Option<Residual>,
    /// What becomes of the accumulators.
    pub output: Output,
}

/// The second operand of a convolution: r at output (y, x, c) is value (y·stride, x·stride, c − first) of the tensor.
/// Output channels for which there is no such channel get no residual term, their zero point included (option-A
/// shortcuts pad with the real value 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residual {
    /// The tensor.
    pub source: Source,
    /// Rows and columns of the tensor per output row and column.
    pub stride: usize,
    /// Output channel that gets the tensor's channel 0.
    pub first: usize,
}

/// y = max q over the window; padding reads −128, never the zero point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaxPool {
    /// What it reads.
    pub input: Source,
    /// Kernel, stride, dilation, padding.
    pub window: Window,
}

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

/// Channels of all inputs one behind the other; the inputs have one scale and zero point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concat {
    /// Tensors of one height and width.
    pub inputs: Vec<Source>,
}

/// What a layer gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// 8-bit activations, and sign masks for whoever asks.
    Requantised {
        /// One per output channel.
        requant: Vec<Requant>,
        /// Zero point and range of the output.
        clamp: Clamp,
    },
    /// The 32-bit accumulators.
    Raw,
}

impl Layer {
    /// Values of one input image.
    #[must_use]
    pub const fn inputs(&self) -> usize {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.inputs,
        }
    }

    /// Values of one output image.
    #[must_use]
    pub const fn outputs(&self) -> usize {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.outputs,
        }
    }

    /// What it gives.
    #[must_use]
    pub const fn output(&self) -> &Output {
        match &self.operation {
            Operation::FullyConnected(fc) => &fc.output,
        }
    }

    /// Proves every bound: lengths, set membership, |acc| < 2^31, requantisation exact in 48 bits.
    ///
    /// # Errors
    /// The first that fails, by layer and channel.
    pub fn check(&self) -> Result<(), NetworkError> {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.check(&self.name),
        }
    }
}

impl FullyConnected {
    /// The weights of one output channel, or nothing if there is no such channel.
    #[must_use]
    pub fn row(&self, channel: usize) -> &[i8] {
        self.weights.values().get(channel * self.inputs..(channel + 1) * self.inputs).unwrap_or(&[])
    }

    /// Σ|k|·128: no accumulator of this channel is larger in magnitude.
    #[must_use]
    pub fn accumulator_bound(&self, channel: usize) -> i64 {
        Weights::sums(self.row(channel)).1 * ACTIVATION_BOUND
    }

    fn check(&self, name: &str) -> Result<(), NetworkError> {
        let layer = || name.to_owned();
        let (inputs, outputs) = (self.inputs, self.outputs);
        if inputs == 0 || outputs == 0 {
            return Err(NetworkError::Size { layer: layer(), inputs, outputs });
        }
        let length = |what, found, expected| {
            if found == expected {
                Ok(())
            } else {
                Err(NetworkError::Length { layer: layer(), what, found, expected })
            }
        };
        length("weights", self.weights.values().len(), inputs * outputs)?;
        if let Weights::Constrained { set, codes } = &self.weights
            && let Some((i, &k)) = codes.iter().enumerate().find(|&(_, &k)| !set.contains(k))
        {
            let (channel, input) = (i / inputs, i % inputs);
            return Err(NetworkError::Weight { layer: layer(), channel, input, k, set: *set });
        }
        if let Output::Requantised { requant, clamp } = &self.output {
            length("requantisation constants", requant.len(), outputs)?;
            if clamp.low > clamp.high {
                return Err(NetworkError::Clamp { layer: layer(), low: clamp.low, high: clamp.high });
            }
        }
        for channel in 0..outputs {
            let bound = self.accumulator_bound(channel);
            if bound > i64::from(i32::MAX) {
                return Err(NetworkError::Accumulator { layer: layer(), channel, bound });
            }
            if let Output::Requantised { requant, .. } = &self.output {
                let checked = requant[channel].check(bound);
                checked.map_err(|fault| NetworkError::Requant { layer: layer(), channel, fault })?;
            }
        }
        Ok(())
    }
}
