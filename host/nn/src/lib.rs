//! Training with constrained backpropagation (CBP) on the CPU.
//!
//! - [`graph`], [`Model`], [`architectures`]: what a network computes, with its numbers, and the networks of the
//!   literature
//! - [`engine`]: forward and backward of a batch; `kernels`: its matrix products
//! - [`oracle`]: the same once more, slow and obvious, for tests and for reading
//! - [`cbp`]: the algorithm, one concept per module
//! - [`training`]: the loop, for float and constrained networks
//! - [`trained`]: the result in integers and scales, for the accelerator
//! - [`data`]: images and labels (crate `cbp-data`)
//!
//! Nothing here knows the accelerator. Results do not depend on the number of threads.

// ReLU, MNIST, NeurIPS are names, not code.
#![allow(clippy::doc_markdown)]
// Needed by `wide`, which says why.
#![allow(clippy::inline_always)]

mod aligned;
pub mod architectures;
pub mod cbp;
mod checkpoint;
pub mod config;
pub mod engine;
mod error;
mod export;
pub mod graph;
mod int8_weights;
mod kernels;
mod lanes;
mod latent;
mod model;
mod optimiser;
pub mod oracle;
pub mod trained;
pub mod training;
mod wide;

pub use cbp_data as data;
pub use cbp_numerics::WeightSet;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use config::{ActivationConfig, CbpConfig, Ends, Loss, StopRule, TrainConfig};
pub use error::{ExportError, TrainError};
pub use kernels::{Roof, fma_roof};
pub use model::{Model, ParameterError, Parameters};
pub use optimiser::RateSchedule;
pub use training::Trainer;
