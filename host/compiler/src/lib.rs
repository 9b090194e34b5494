//! Networks to programs, what programs mean, and how long they take.
//!
//! - [`compile`], [`Options`], [`Program`]: from a [`cbp_numerics::Network`] to instructions and packed weights
//! - [`TensorLayout`], [`MaskLayout`]: where the host finds tensors and sign masks
//! - [`operation`]: instructions as structures, encoded and decoded in one place
//! - [`interpreter`]: runs a program as the device does; the executable specification of the instruction set
//! - [`predict`]: cycles of a program, and of whole published networks, before there is hardware
//!
//! Inside: `tiling` cuts a layer, `schedule` orders loads, computes and stores, `builder` finds what must wait for
//! what and turns it into tokens, `ring` gives out buffer space, `pack` packs weights and parameters.

mod builder;
mod compile;
mod error;
pub mod interpreter;
mod layout;
pub mod operation;
mod pack;
pub mod predict;
mod program;
mod ring;
mod schedule;
mod tiling;

pub use compile::{Keep, Options, compile};
pub use error::CompileError;
pub use layout::{Element, MaskLayout, ShortSegment, TensorLayout};
pub use program::{CompiledLayer, Program, segment};
