use cbp_numerics::Window;
use serde::{Deserialize, Serialize};

use super::shape::WindowFields;

/// What a node computes. Shapes are rows × columns × channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Op {
    /// y = W·x (+ b). All values of the image, position after position, are the inputs.
    Linear {
        /// Values of the image.
        inputs: usize,
        /// Values of the result.
        outputs: usize,
        /// Whether there is b.
        bias: bool,
    },
    /// Cross-correlation with zero padding (+ b).
    Convolution {
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
        /// Groups that channels are cut into.
        groups: usize,
        /// Kernel, stride, dilation, padding.
        #[serde(with = "WindowFields")]
        window: Window,
        /// Whether there is b.
        bias: bool,
    },
    /// y = γ·(x − mean)/√(var + ε) + β per channel: statistics of the batch in training, running ones otherwise.
    BatchNorm {
        /// Channels.
        channels: usize,
        /// ε.
        eps: f32,
        /// Weight of the newest batch in the running statistics. 0: they never change, and count in training too.
        momentum: f32,
    },
    /// y = min(max(x, low), high). ReLU is low = 0 and high = ∞.
    Clamp {
        /// Lower bound.
        low: f32,
        /// Upper bound.
        #[serde(with = "super::shape::bound")]
        high: f32,
    },
    /// The largest value of every window per channel; padding never wins.
    MaxPool {
        /// Window.
        #[serde(with = "WindowFields")]
        window: Window,
    },
    /// The mean of every window per channel.
    AveragePool {
        /// Window.
        #[serde(with = "WindowFields")]
        window: Window,
        /// Whether padding counts as zeros; otherwise the mean is over what lies in the image.
        count_padding: bool,
    },
    /// The mean of a grid of windows that covers the image, in PyTorch's way: row i of `height` covers rows
    /// ⌊i·H/height⌋ .. ⌈(i + 1)·H/height⌉. One row and column: global average.
    AdaptiveAveragePool {
        /// Rows of the result.
        height: usize,
        /// Columns of the result.
        width: usize,
    },
    /// x₀ + x₁.
    Add,
    /// The channels of all inputs behind each other.
    Concat,
    /// The image as a vector, position after position. (Importers permute the weights that follow where the model was
    /// channel after channel.)
    Flatten,
    /// Zeros with this probability in training, the rest multiplied by 1 / (1 − probability).
    Dropout {
        /// Share of zeros, 0 ≤ p < 1.
        probability: f32,
    },
    /// Every `stride`-th row and column, with channels of zeros before and behind: ResNet's option-A shortcut.
    Shortcut {
        /// Rows and columns per row and column of the result.
        stride: usize,
        /// Channels of zeros before.
        before: usize,
        /// Channels of zeros behind.
        behind: usize,
    },
    /// Rounding to the codes of the device. Its gradient passes through, except where the value was clipped.
    Quantise {
        /// Bits of a code, 2 to 8.
        bits: u32,
        /// Codes for both signs with zero in the middle; otherwise values are at least 0, and all codes are for them.
        signed: bool,
    },
}

/// Weights of a node: `[output][row][column][input / groups]`; a linear layer has one row and column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightShape {
    /// Output channels.
    pub outputs: usize,
    /// Kernel rows and columns.
    pub kernel: [usize; 2],
    /// Input channels of a group.
    pub inputs: usize,
    /// Groups.
    pub groups: usize,
    /// Whether there is a bias per output.
    pub bias: bool,
}

impl WeightShape {
    /// Number of weights.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.outputs * self.row_length()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Weights of one output.
    #[must_use]
    pub const fn row_length(&self) -> usize {
        self.kernel[0] * self.kernel[1] * self.inputs
    }
}

impl Op {
    /// max(x, 0).
    pub const RELU: Self = Self::Clamp { low: 0.0, high: f32::INFINITY };

    /// Batch normalisation with ε and momentum as in PyTorch.
    #[must_use]
    pub const fn batch_norm(channels: usize) -> Self {
        Self::BatchNorm { channels, eps: 1e-5, momentum: 0.1 }
    }

    /// The weights, if there are any.
    #[must_use]
    pub const fn weight_shape(&self) -> Option<WeightShape> {
        match *self {
            Self::Linear { inputs, outputs, bias } => {
                Some(WeightShape { outputs, kernel: [1, 1], inputs, groups: 1, bias })
            }
            Self::Convolution { inputs, outputs, groups, window, bias } => {
                Some(WeightShape { outputs, kernel: window.kernel, inputs: inputs / groups, groups, bias })
            }
            _ => None,
        }
    }

    /// The operator's name in messages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Linear { .. } => "linear",
            Self::Convolution { .. } => "convolution",
            Self::BatchNorm { .. } => "batch norm",
            Self::Clamp { .. } => "clamp",
            Self::MaxPool { .. } => "max pool",
            Self::AveragePool { .. } => "average pool",
            Self::AdaptiveAveragePool { .. } => "adaptive average pool",
            Self::Add => "add",
            Self::Concat => "concat",
            Self::Flatten => "flatten",
            Self::Dropout { .. } => "dropout",
            Self::Shortcut { .. } => "shortcut",
            Self::Quantise { .. } => "quantise",
        }
    }
}
