//! Cycles before the program runs.
//!
//! - [`simulate`]: the time of every instruction of a compiled program, engine by engine
//! - [`Timing`]: what it assumes about memory and pipelines

mod simulate;
mod timing;

pub use simulate::{LayerTime, NotOrdered, Prediction, Span, simulate};
pub use timing::Timing;
