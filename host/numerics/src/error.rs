//! What can be wrong with a network.

use cbp_isa::WeightSet;

/// Why a channel's requantisation is not exact in 48 bits, or cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RequantFault {
    /// s outside 1…47.
    #[error("the shift is {0}, expected 1 to 47")]
    Shift(u8),
    /// acc·m + B + 2^(s−1) can leave 48 signed bits.
    #[error(
        "|acc·m + B| can reach {bound}, which with rounding exceeds 48 signed bits; use a smaller bias or shift"
    )]
    Product {
        /// The largest |acc·m + B|.
        bound: i128,
    },
    /// The real ratio is not a finite number that m / 2^s can express.
    #[error(
        "the ratio {ratio:e} of accumulator to output cannot be written as m / 2^s with |m| < 2^15, s ≥ 1"
    )]
    Ratio {
        /// Output units per unit of the accumulator.
        ratio: f64,
    },
    /// The real offset does not fit beside the ratio.
    #[error("the offset of {offset:e} output units does not fit 48 bits")]
    Offset {
        /// Output units.
        offset: f64,
    },
    /// A batch-norm variance or epsilon that has no square root, or a scale that is not positive and finite.
    #[error("{what} is {value:e}, expected a positive finite number")]
    Scale {
        /// Which number.
        what: &'static str,
        /// Its value.
        value: f64,
    },
}

/// Why a network is refused. Each names the layer and, where there is one, the channel.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum NetworkError {
    /// A network without layers.
    #[error("network {network:?} has no layers")]
    Empty {
        /// The network.
        network: String,
    },
    /// A layer without inputs or outputs.
    #[error("layer {layer:?} is {inputs} × {outputs}; both must be at least 1")]
    Size {
        /// The layer.
        layer: String,
        /// Inputs.
        inputs: usize,
        /// Outputs.
        outputs: usize,
    },
    /// A list has the wrong length.
    #[error("layer {layer:?}: {found} {what}, expected {expected}")]
    Length {
        /// The layer.
        layer: String,
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there must be.
        expected: usize,
    },
    /// The layer does not take what the one before it gives.
    #[error("layer {layer:?} takes {inputs} channels, but gets {previous}")]
    Chain {
        /// The layer.
        layer: String,
        /// Its inputs.
        inputs: usize,
        /// What it gets.
        previous: usize,
    },
    /// Raw accumulators cannot be the input of a layer.
    #[error(
        "layer {layer:?} stores raw accumulators, but layer {next:?} reads them; only the last layer may be raw"
    )]
    RawInside {
        /// The raw layer.
        layer: String,
        /// Its reader.
        next: String,
    },
    /// A weight is not in the set.
    #[error("layer {layer:?}, channel {channel}, input {input}: {k} is not a {set} weight")]
    Weight {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// Input channel.
        input: usize,
        /// The value.
        k: i8,
        /// The layer's set.
        set: WeightSet,
    },
    /// The clamp is empty.
    #[error("layer {layer:?}: clamps to {low}…{high}, which is empty")]
    Clamp {
        /// The layer.
        layer: String,
        /// Lower bound.
        low: i8,
        /// Upper bound.
        high: i8,
    },
    /// The accumulator can overflow.
    #[error(
        "layer {layer:?}, channel {channel}: |acc| can reach {bound}, beyond 32 signed bits; use fewer inputs or smaller weights"
    )]
    Accumulator {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// Σ|k|·128.
        bound: i64,
    },
    /// A channel cannot be requantised.
    #[error("layer {layer:?}, channel {channel}: {fault}")]
    Requant {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// Why.
        fault: RequantFault,
    },
    /// The input has the wrong number of values.
    #[error("layer {layer:?}: {found} input values, expected {images} images of {inputs}")]
    Input {
        /// The layer.
        layer: String,
        /// Values given.
        found: usize,
        /// Images asked for.
        images: usize,
        /// Values of an image.
        inputs: usize,
    },
}
