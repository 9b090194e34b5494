//! Training with constrained backpropagation (CBP) on the CPU.
//!
//! - [`data`]: digits from IDX files;
//! - [`Mlp`] and [`layer`]: the network, forward and backward;
//! - [`cbp`]: the algorithm, one concept per module;
//! - [`Trainer`]: the loop, for float and constrained networks; [`pretrain`] and [`constrain`] run it whole;
//! - [`model`]: the result in integers and scales.
//!
//! Nothing here knows the accelerator. Results do not depend on the number of threads.

// ReLU, MNIST, NeurIPS are names, not code.
#![allow(clippy::doc_markdown)]
// Needed by `wide`, which says why.
#![allow(clippy::inline_always)]

pub mod cbp;
mod checkpoint;
pub mod config;
pub mod data;
mod demo;
mod error;
mod export;
mod gemm;
pub mod graph;
mod kernels;
#[cfg(test)]
mod gradient_check;
mod int8_weights;
mod lanes;
mod latent;
pub mod layer;
mod mlp;
mod model;
pub mod trained;
mod optimiser;
mod progress;
mod rng;
mod trainer;
mod wide;

pub use cbp_numerics::WeightSet;
pub use checkpoint::{Checkpoint, CheckpointError};
pub use config::{ActivationConfig, CbpConfig, Ends, PretrainConfig, TrainConfig};
pub use demo::{Constrained, Pretrained, constrain, pretrain};
pub use error::{ExportError, TrainError};
pub use mlp::Mlp;
pub use model::{Model, ParameterError, Parameters};
pub use optimiser::RateSchedule;
pub use progress::{EpochMetrics, Progress};
pub use trainer::Trainer;
