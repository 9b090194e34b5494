//! The training loop, for float and constrained networks alike.
//!
//! - [`Trainer`]: a network in training with everything that the next step depends on
//! - [`Workspace`]: memory that a step needs, and that holds nothing between steps
//! - `quantised`: which nodes are rounded, and how; `update`: one step of the optimiser

mod quantised;
mod trainer;
mod update;

pub use trainer::{CbpState, StepReport, Trainer, Workspace};
