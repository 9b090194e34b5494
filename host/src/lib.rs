//! Trains, compiles and runs constrained networks.
//!
//! - [`quantise`]: from a trained network to integers
//! - [`runtime`]: a compiled network on a device, and its results as the scalar model gives them
//! - [`evaluate`]: a network in integers over a data set, also on a device
//! - [`compare`]: the device's results against the scalar model's
//! - [`mod@bench`]: networks and layers, measured
//! - [`area`]: what the accelerator costs in an FPGA
//! - [`cases`]: random networks and faults on the RTL; [`coverage`]: what they reach of it
//! - [`config_file`]: configurations in TOML; [`toml_text`]: faults in one line
//! - [`ablation`]: what each part of CBP does
//! - [`train`]: training runs with checkpoints and metrics
//! - [`conformance`]: what every back end of the driver must do
//! - [`demo`]: all of it in one call

pub mod ablation;
pub mod area;
pub mod bench;
pub mod cases;
pub mod compare;
pub mod config_file;
pub mod conformance;
pub mod coverage;
pub mod demo;
pub mod evaluate;
pub mod files;
pub mod quantise;
pub mod runtime;
pub mod toml_text;
pub mod train;
