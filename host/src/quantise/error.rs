//! Why a trained network has no integer form.

use cbp_numerics::{NetworkError, RequantFault};

/// Why a trained network has no integer form. Each names the node.
#[derive(Debug, thiserror::Error)]
pub enum QuantiseError {
    /// A scale or bound does not fit.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Float weights.
    #[error(
        "layer {0} has float weights; constrain it (cbp train --set, cbp quantize --set) with int8 or constrained ends"
    )]
    Float(String),
    /// A result that is not rounded, read by a node that needs codes.
    #[error(
        "{reader} reads {node}, which is not rounded; train or quantise with rounded activations (--activations 8)"
    )]
    Unrounded {
        /// What is read.
        node: String,
        /// Its reader.
        reader: String,
    },
    /// A node whose range was never measured.
    #[error(
        "{0}: no activation was ever above 0, so its range is empty; train again, or calibrate on real images"
    )]
    Range(String),
    /// The range of the input is not known.
    #[error("the range of the network's input is not known; quantise it with its data (cbp quantize --data)")]
    Input,
    /// A node that the accelerator has no form of.
    #[error("{node}: {what}; {remedy}")]
    Unsupported {
        /// The node.
        node: String,
        /// What is not possible.
        what: &'static str,
        /// The nearest form.
        remedy: &'static str,
    },
    /// A variance that has no root, or a scale that does not fit.
    #[error("{node}: {fault}")]
    Scale {
        /// The node.
        node: String,
        /// Why.
        fault: RequantFault,
    },
}
