//! Verilog text to a running simulation model.
//!
//! - [`Source`] and [`Port`]: the text, its top module and that module's ports
//! - [`Library`]: the model as a shared library, built by Verilator and g++ when the cache does not hold it
//! - [`Model`]: one instance; [`Model::tick`] is one clock cycle and one call into C++
//! - [`lint`]: Verilator's opinion of a text, with the one list of [`WAIVERS`]
//!
//! Nothing is built by `build.rs`: a program that never simulates needs neither Verilator nor g++.
#![allow(unsafe_code)] // calls into the model; every block says why it is sound

mod cache;
mod compile;
mod error;
mod lint;
mod model;
mod port;
mod shim;
mod tools;

pub use cache::cache_directory;
pub use error::Error;
pub use lint::{WAIVERS, lint};
pub use model::{Extra, Library, Model, Signal};
pub use port::{Direction, Port, Source};
