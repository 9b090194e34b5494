//! Networks to programs, what programs mean, and how long they take.
//!
//! - [`compile`], [`Options`], [`Program`]: from a [`cbp_numerics::Network`] to instructions and packed weights
//! - [`TensorLayout`], [`MaskLayout`]: where the host finds tensors and sign masks
//! - [`operation`]: instructions as structures, encoded and decoded in one place
//! - [`interpreter`]: runs a program as the device does; the executable specification of the instruction set
//! - [`predict`]: cycles of a program before it runs
//!
//! Inside: `lower` turns layers into stages of the device and places tensors, `cut` cuts a stage into strips and
//! pieces, `schedule` orders loads, computes and stores, `hazards` finds what must wait for what and turns it into
//! tokens, `ring` gives out buffer space, `pack` packs weights and parameters.

mod compile;
mod cut;
mod error;
mod hazards;
pub mod interpreter;
mod layout;
mod lower;
pub mod operation;
mod pack;
pub mod predict;
mod program;
mod ring;
mod schedule;

pub use compile::{Keep, Options, compile};
pub use error::CompileError;
pub use layout::{Element, MaskBlock, MaskLayout, Run, ShortSegment, TensorLayout};
pub use program::{CompiledLayer, Program, segment};
