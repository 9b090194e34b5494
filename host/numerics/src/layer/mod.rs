//! One layer.
//!
//! - [`Layer`], [`Operation`], [`Source`]: a named operation and what it reads
//! - [`FullyConnected`], [`Convolution`], [`Residual`], [`MaxPool`], [`AveragePool`], [`Add`], [`Concat`]: one file
//!   each, with the checks of that operation
//! - [`Output`]: what becomes of accumulators

mod add;
mod average_pool;
mod check;
mod concat;
mod convolution;
mod fully_connected;
mod max_pool;
mod output;

pub use add::Add;
pub use average_pool::AveragePool;
pub use concat::Concat;
pub use convolution::{Convolution, Residual};
pub use fully_connected::FullyConnected;
pub use max_pool::MaxPool;
pub use output::Output;

use crate::{NetworkError, Shape};

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

impl Layer {
    /// What it reads: a convolution's input comes before its residual.
    #[must_use]
    pub fn sources(&self) -> Vec<Source> {
        match &self.operation {
            Operation::FullyConnected(fc) => vec![fc.input],
            Operation::Convolution(c) => {
                [c.input].into_iter().chain(c.residual.map(|residual| residual.source)).collect()
            }
            Operation::MaxPool(pool) => vec![pool.input],
            Operation::AveragePool(pool) => vec![pool.input],
            Operation::Add(add) => add.inputs.to_vec(),
            Operation::Concat(concat) => concat.inputs.clone(),
        }
    }

    /// Whether it gives 32-bit accumulators instead of activations.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.output == Output::Raw,
            Operation::Convolution(c) => c.output == Output::Raw,
            _ => false,
        }
    }

    /// Whether it gives sign masks beside its activations.
    #[must_use]
    pub fn has_mask(&self) -> bool {
        matches!(self.operation, Operation::FullyConnected(_) | Operation::Convolution(_)) && !self.is_raw()
    }

    /// Weights, 0 of a layer that has none.
    #[must_use]
    pub fn weights(&self) -> usize {
        match &self.operation {
            Operation::FullyConnected(fc) => fc.weights.values().len(),
            Operation::Convolution(c) => c.weights.values().len(),
            _ => 0,
        }
    }

    /// Multiplications of weights with activations for one image whose output of this layer has shape `output`.
    #[must_use]
    pub fn macs(&self, output: Shape) -> u64 {
        // Every weight is used once at every position.
        self.weights() as u64 * output.positions() as u64
    }

    /// Proves every bound: lengths, set membership, |acc| < 2^31, requantisation exact in 48 bits; and gives the
    /// shape of the output. `inputs` are the shapes of what [`Layer::sources`] lists.
    ///
    /// # Errors
    /// The first that fails, by layer and channel.
    pub fn check(&self, inputs: &[Shape]) -> Result<Shape, NetworkError> {
        let name = &self.name;
        match (&self.operation, inputs) {
            (Operation::FullyConnected(fc), &[input]) => fc.check(name, input),
            (Operation::Convolution(c), &[input]) if c.residual.is_none() => c.check(name, input, None),
            (Operation::Convolution(c), &[input, residual]) if c.residual.is_some() => {
                c.check(name, input, Some(residual))
            }
            (Operation::MaxPool(pool), &[input]) => pool.check(name, input),
            (Operation::AveragePool(pool), &[input]) => pool.check(name, input),
            (Operation::Add(add), &[a, b]) => add.check(name, [a, b]),
            (Operation::Concat(concat), shapes) if shapes.len() == concat.inputs.len() => {
                Concat::check(name, shapes)
            }
            _ => check::length(name, "input tensors", inputs.len(), self.sources().len())
                .map(|()| Shape::vector(0)),
        }
    }
}
