//! What can be wrong with a network.

use cbp_isa::WeightSet;

use crate::{Shape, Window};

/// Why a channel's requantisation is not exact in 48 bits, or cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum RequantFault {
    /// s outside 1…47.
    #[error("the shift is {0}, expected 1 to 47")]
    Shift(u8),
    /// `e_r` outside 0…24.
    #[error("the residual's shift is {0}, expected 0 to 24")]
    ResidualShift(u8),
    /// A multiplier for an operand that does not exist.
    #[error("the residual's multiplier is {0}, but this channel has no residual operand; it must be 0")]
    NoResidual(i16),
    /// acc·m + B + r·R + 2^(s−1) can leave 48 signed bits.
    #[error(
        "|acc·m + B + r·R| can reach {bound}, which with rounding exceeds 48 signed bits; use a smaller bias or shift"
    )]
    Product {
        /// The largest |acc·m + B + r·R|.
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
    /// A network whose input has no values.
    #[error("network {network:?} has an input of {input}; every side must be at least 1")]
    EmptyInput {
        /// The network.
        network: String,
        /// The input's shape.
        input: Shape,
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
    /// A layer reads what does not exist yet.
    #[error(
        "layer {layer:?} is number {index} and reads number {reads}; a layer reads the input and layers before it: put them in topological order"
    )]
    Source {
        /// The layer.
        layer: String,
        /// Its index.
        index: usize,
        /// The index that it reads.
        reads: usize,
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
    /// A fully connected layer does not take what the one before it gives.
    #[error("layer {layer:?} takes {inputs} values, but gets {input}, which are {}", input.values())]
    Flatten {
        /// The layer.
        layer: String,
        /// Its inputs.
        inputs: usize,
        /// What it gets.
        input: Shape,
    },
    /// The kernel does not fit the image.
    #[error(
        "layer {layer:?}: a kernel of {}×{}, stride {}×{}, dilation {}×{}, does not fit an image of {}×{} padded by {:?} before and {:?} behind; all but padding must be at least 1 and the padded image no smaller than the dilated kernel",
        window.kernel[0], window.kernel[1], window.stride[0], window.stride[1], window.dilation[0], window.dilation[1],
        size[0], size[1], window.before, window.behind
    )]
    Window {
        /// The layer.
        layer: String,
        /// Its window.
        window: Box<Window>,
        /// Rows and columns of its input.
        size: [usize; 2],
    },
    /// A window of a max-pool holds padding only.
    #[error(
        "layer {layer:?}: the windows of output {axis} {output} hold nothing but padding; use less than {:?} before and {:?} behind",
        window.before, window.behind
    )]
    EmptyWindow {
        /// The layer.
        layer: String,
        /// Row or column.
        axis: &'static str,
        /// Which of the output.
        output: usize,
        /// The layer's window.
        window: Box<Window>,
    },
    /// Groups do not divide the channels.
    #[error(
        "layer {layer:?}: {groups} groups do not divide {inputs} input and {outputs} output channels; use a common divisor of both"
    )]
    Groups {
        /// The layer.
        layer: String,
        /// Groups.
        groups: usize,
        /// Input channels.
        inputs: usize,
        /// Output channels.
        outputs: usize,
    },
    /// The residual's tensor does not lie over the output.
    #[error(
        "layer {layer:?}: a residual of {tensor}, read at stride {stride} from channel {first} on, does not fit an output of {output}; rows and columns divided by the stride, rounded up, must be the output's, and the last channel within it"
    )]
    Residual {
        /// The layer.
        layer: String,
        /// Shape of the residual's tensor.
        tensor: Shape,
        /// Its stride.
        stride: usize,
        /// The output channel of its channel 0.
        first: usize,
        /// Shape of the output.
        output: Shape,
    },
    /// Raw accumulators and a residual.
    #[error(
        "layer {layer:?} has a residual and a raw output; a residual is added in requantisation: requantise, or add it later"
    )]
    RawResidual {
        /// The layer.
        layer: String,
    },
    /// The two sides of an addition differ.
    #[error("layer {layer:?} adds {first} and {second}; both must have one shape")]
    Add {
        /// The layer.
        layer: String,
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of the second.
        second: Shape,
    },
    /// Tensors that cannot stand side by side.
    #[error("layer {layer:?} concatenates {first} and {other}; height and width must be equal")]
    Concat {
        /// The layer.
        layer: String,
        /// Shape of the first tensor.
        first: Shape,
        /// Shape of one that differs.
        other: Shape,
    },
    /// A concatenation of nothing.
    #[error("layer {layer:?} concatenates no tensors; it needs at least one")]
    NoInputs {
        /// The layer.
        layer: String,
    },
    /// Raw accumulators cannot be the input of a layer.
    #[error(
        "layer {layer:?} stores raw accumulators, but layer {next:?} reads them; no layer may read a raw one: requantise it"
    )]
    RawInside {
        /// The raw layer.
        layer: String,
        /// Its reader.
        next: String,
    },
    /// A weight is not in the set.
    #[error("layer {layer:?}, channel {channel}, weight {index}: {k} is not a {set} weight")]
    Weight {
        /// The layer.
        layer: String,
        /// Output channel.
        channel: usize,
        /// Which of the channel's weights.
        index: usize,
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
    #[error("network {network:?}: {found} input values, expected {images} images of {inputs}")]
    Input {
        /// The network.
        network: String,
        /// Values given.
        found: usize,
        /// Images asked for.
        images: usize,
        /// Values of an image.
        inputs: usize,
    },
}
