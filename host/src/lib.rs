//! Trains, compiles and runs constrained networks.
//!
//! - [`runtime`]: a compiled network on a device, and its results as the scalar model gives them

pub mod runtime;
