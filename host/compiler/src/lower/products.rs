//! The weights of a stage.

use cbp_numerics::Weights;

/// Which weight connects an output channel with an input channel at a kernel element.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Products<'a> {
    /// A layer's own weights, `[outputs][kernel rows][kernel columns][inputs / groups]`.
    Weights {
        weights: &'a Weights,
        /// Kernel columns.
        columns: usize,
        /// Weights of an output.
        row: usize,
        /// Input and output channels of a group.
        group: [usize; 2],
    },
    /// 1 where the output's channel is the input's, counted from `first`: sums, means and copies.
    Select {
        /// Output channel of input channel 0.
        first: usize,
    },
}

impl Products<'_> {
    /// The weight, if the two are connected.
    pub(crate) fn weight(&self, output: usize, [row, column]: [usize; 2], input: usize) -> Option<i8> {
        match *self {
            Self::Weights { weights, columns, row: length, group: [inputs, outputs] } => {
                let at = output * length + (row * columns + column) * inputs + input % inputs;
                if input / inputs == output / outputs { weights.values().get(at).copied() } else { None }
            }
            Self::Select { first } => (output == input + first).then_some(1),
        }
    }

    /// Input channels that any of the output channels `outputs` sees, `inputs` being all there are.
    pub(crate) fn seen(&self, outputs: core::ops::Range<usize>, inputs: usize) -> core::ops::Range<usize> {
        match *self {
            Self::Weights { group: [i, o], .. } => {
                outputs.start / o * i..(outputs.end.div_ceil(o) * i).min(inputs)
            }
            Self::Select { first } => {
                let end = outputs.end.saturating_sub(first).min(inputs);
                outputs.start.saturating_sub(first).min(end)..end
            }
        }
    }

    /// Whether the weights are 8-bit ones.
    pub(crate) const fn int8(&self) -> bool {
        matches!(self, Self::Weights { weights: Weights::Int8 { .. }, .. })
    }
}
