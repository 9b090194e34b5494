//! What an import changed.

use std::fmt;

/// Something that an importer changed or left out, though the network computes the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The exporter had already multiplied batch norms into the convolutions before them.
    BatchNormFolded {
        /// Convolutions that this concerns.
        convolutions: usize,
    },
    /// The file was exported in training mode; the running statistics are used.
    TrainingMode {
        /// The batch norm.
        node: String,
    },
    /// Factors and summands per channel became a batch norm with mean 0, variance 1, ε 0 and momentum 0. Its
    /// inference is exact. A trainer that computes statistics of the batch must leave this node as it is.
    Affine {
        /// The batch norm.
        node: String,
    },
    /// Channels that were picked, and perhaps scaled, became a 1×1 convolution.
    Picked {
        /// The convolution.
        node: String,
    },
    /// A slice and a padding of channels became a shortcut.
    Shortcut {
        /// The shortcut.
        node: String,
    },
    /// An operation is now part of a node.
    Merged {
        /// Operation in the file.
        operation: String,
        /// The node.
        into: String,
    },
    /// Rounding in several operations became a quantiser.
    Quantiser {
        /// The quantiser.
        node: String,
    },
    /// An operation without effect was left out.
    Dropped {
        /// Operation in the file.
        operation: String,
        /// Why it has no effect.
        why: &'static str,
    },
    /// The last operation turned the outputs into probabilities. It was left out: training's loss has it, and it
    /// does not change the order of the outputs.
    SoftmaxDropped {
        /// Operation in the file.
        operation: String,
    },
    /// Parameters were converted to 32-bit floats.
    Converted {
        /// Their type in the file.
        from: &'static str,
        /// Number of tensors.
        tensors: usize,
    },
    /// The file's input has its channels last, as this program's.
    ChannelsLast,
    /// Tensors that the network does not need were ignored, as asked for.
    Ignored {
        /// Their names.
        tensors: Vec<String>,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BatchNormFolded { convolutions } => {
                write!(f, "batch norm was folded by the exporter into {convolutions} convolutions")
            }
            Self::TrainingMode { node } => {
                write!(f, "{node}: was exported in training mode; its running statistics are used")
            }
            Self::Affine { node } => write!(f, "{node}: scale and shift per channel became a batch norm"),
            Self::Picked { node } => write!(f, "{node}: picked channels became a 1×1 convolution"),
            Self::Shortcut { node } => write!(f, "{node}: slice and padding became a shortcut"),
            Self::Merged { operation, into } => write!(f, "{operation}: is now part of {into}"),
            Self::Quantiser { node } => write!(f, "{node}: rounding became a quantiser"),
            Self::Dropped { operation, why } => write!(f, "{operation}: left out, {why}"),
            Self::SoftmaxDropped { operation } => {
                write!(f, "{operation}: left out, training's loss has it; outputs are logits")
            }
            Self::Converted { from, tensors } => {
                write!(f, "{tensors} tensors were converted from {from} to f32")
            }
            Self::ChannelsLast => write!(f, "the file's input has its channels last"),
            Self::Ignored { tensors } => write!(f, "ignored tensors: {}", tensors.join(", ")),
        }
    }
}
