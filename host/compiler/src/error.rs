//! Why a network is refused. Every message names the layer, the numbers, and what would fit.

use cbp_isa::{BadConfig, FieldOverflow, WeightSet};
use cbp_numerics::RequantFault;

/// A network that this device cannot run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// The configuration itself is wrong.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// An array narrower than a beat.
    #[error("{columns} columns do not fill a beat of {beat} bytes; use a narrower AXI port or more columns")]
    NarrowArray {
        /// N.
        columns: usize,
        /// Bytes of a beat.
        beat: usize,
    },
    /// No images.
    #[error("the batch is 0; use at least 1")]
    EmptyBatch,
    /// The kind of layer is not known to this compiler.
    #[error(
        "layer {layer:?}: the compiler does not know this kind of layer; use convolutions, fully connected layers, pools, sums and concatenations"
    )]
    Unsupported {
        /// The layer.
        layer: String,
    },
    /// The array is built for a smaller set.
    #[error(
        "layer {layer:?} has {set} weights, which a {array} array cannot hold; retrain it as {array}, or use an array built for {set}"
    )]
    WeightSet {
        /// The layer.
        layer: String,
        /// Its set.
        set: WeightSet,
        /// The array's set.
        array: WeightSet,
    },
    /// One column tile of weights does not fit the weight buffer.
    #[error(
        "layer {layer:?} needs {words} words × {passes} passes of weights for one column tile, but the weight buffer has {depth} words; use at most {most} inputs, or a deeper buffer"
    )]
    Weights {
        /// The layer.
        layer: String,
        /// Words along the input.
        words: usize,
        /// Digit passes.
        passes: usize,
        /// Words of the buffer.
        depth: usize,
        /// Inputs that would fit.
        most: usize,
    },
    /// Not even the least that runs at once (an output row, an image) fits a buffer.
    #[error(
        "layer {layer:?} needs {needed} {what} for {positions} output positions at once, but there are {depth}; use a deeper buffer, or smaller images"
    )]
    Buffer {
        /// The layer.
        layer: String,
        /// Words or granules of which buffer.
        what: &'static str,
        /// The least number of positions.
        positions: usize,
        /// How many are needed.
        needed: usize,
        /// How many there are.
        depth: usize,
    },
    /// The array's activations are narrower than the layer's.
    #[error(
        "layer {layer:?} gives activations of {low}…{high}, but this array takes {bits} bits; clamp them to its range, or use a wider array"
    )]
    ActivationBits {
        /// The layer.
        layer: String,
        /// Smallest.
        low: i8,
        /// Largest.
        high: i8,
        /// Bits of an activation.
        bits: usize,
    },
    /// A layer on a binary array whose weights are not all ±1, where accumulators double, leaves the 48-bit requantisation.
    #[error(
        "layer {layer:?}, channel {channel}: on a binary array, where the accumulator of a layer whose weights are not all ±1 doubles, {fault}; use a ternary or shift array, or a smaller bias"
    )]
    DoubledRequant {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// Why.
        fault: RequantFault,
    },
    /// The same for the accumulator itself.
    #[error(
        "layer {layer:?}, channel {channel}: on a binary array the accumulator of a layer whose weights are not all ±1 doubles and can reach {bound}, beyond 32 signed bits; use a ternary or shift array"
    )]
    DoubledAccumulator {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// Largest magnitude after doubling.
        bound: i64,
    },
    /// A number is too large for its instruction field.
    #[error("layer {layer:?}: {overflow}; use a smaller batch or layer")]
    Field {
        /// The layer.
        layer: String,
        /// The field.
        overflow: FieldOverflow,
    },
    /// A segment is too large for its descriptor.
    #[error("segment {segment} takes {bytes} bytes, more than a 32-bit length; use a smaller batch")]
    Segment {
        /// The segment.
        segment: usize,
        /// Its bytes.
        bytes: u64,
    },
    /// The compiler contradicts itself. Please report it.
    #[error("the compiler failed at layer {layer:?}: {what}; this is a defect, please report it")]
    Internal {
        /// The layer.
        layer: String,
        /// What does not hold.
        what: &'static str,
    },
}
