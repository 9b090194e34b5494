//! The arithmetic contract between training, compiler, CPU kernels and RTL: integer networks and the scalar
//! model that every back end must equal, bit for bit.
//!
//! - [`Network`], [`Layer`], [`Operation`], [`Shape`], [`Weights`], [`Output`]: what a network is; building one
//!   proves every bound
//! - [`Requant`], [`Clamp`]: from an accumulator to an 8-bit activation and a sign mask
//! - [`run_network`]: the definition, in plain integer loops
//! - [`random`]: random networks for tests and measurements
//! - [`architectures`]: published networks with random weights
//! - [`scales`]: from real scales, biases and batch normalisation to [`Requant`]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod architectures;
mod build;
mod error;
mod layer;
mod model;
mod network;
pub mod random;
mod requant;
pub mod scales;
mod shape;
mod weights;

pub use cbp_isa::WeightSet;
pub use error::{NetworkError, RequantFault};
pub use layer::{
    Add, AveragePool, Concat, Convolution, FullyConnected, Layer, MaxPool, Operation, Output, Residual,
    Source,
};
pub use model::{LayerResult, Values, run_network};
pub use network::Network;
pub use requant::{Clamp, Requant};
pub use shape::{Shape, Window};
pub use weights::Weights;
