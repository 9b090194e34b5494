//! Cycles before there is hardware (the model "M0").
//!
//! - [`simulate`]: the time of every instruction of a compiled program, engine by engine
//! - [`estimate`]: cycles of a published network's layers, convolutions included, from the same assumptions
//! - [`networks`]: the layer tables of ResNet-18, ResNet-50 and `AlexNet`
//! - [`Timing`]: what both assume about memory and pipelines

mod estimate;
mod layer_shape;
pub mod networks;
mod simulate;
mod timing;

pub use estimate::{Estimate, Obstacle, estimate};
pub use layer_shape::{Kind, LayerShape};
pub use simulate::{LayerTime, NotOrdered, Prediction, Span, simulate};
pub use timing::Timing;
