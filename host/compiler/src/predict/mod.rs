//! Cycles before the program runs.
//!
//! - [`simulate`]: the time of every instruction of a compiled program, engine by engine
//! - [`Timing`]: what it assumes about memory and pipelines

mod machine;
mod simulate;
mod timing;

pub(crate) use machine::Machine;
pub use machine::Span;
pub use simulate::{LayerTime, NotOrdered, Prediction, simulate};
pub use timing::Timing;
