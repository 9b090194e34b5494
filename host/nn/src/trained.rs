//! The result of training as integers and scales: what a compiler needs, and nothing of the training.

use cbp_numerics::WeightSet;

use crate::model::Model;
use crate::training::DataDescription;

/// A trained network.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedNetwork {
    /// The graph and its real numbers; weights are the values of their codes.
    pub model: Model,
    /// Weights as integers, one entry per node; nothing where there are none or they are float.
    pub weights: Vec<Option<TrainedWeights>>,
    /// What it reads.
    pub data: DataDescription,
}

/// Weights of a node, `[output][row][column][input / groups]`.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainedWeights {
    /// w = scale·k / 2^D, with k and D of the set.
    Constrained {
        /// The weight set.
        set: WeightSet,
        /// One for the layer, or one per output.
        scales: Vec<f32>,
        /// k.
        codes: Vec<i8>,
    },
    /// w = scale·code with codes −127..=127.
    Int8 {
        /// One per output.
        scales: Vec<f32>,
        /// Codes.
        codes: Vec<i8>,
    },
}
