//! The CBP accelerator in rust-hdl, and its Verilog.
//!
//! - [`accelerator`]: the top with its ports; [`mod@core`]: everything behind the registers
//! - [`control`]: registers, rings and jobs, instruction fetch
//! - [`dma`]: the AXI master and the LOAD and STORE engines
//! - [`compute`]: sequencer, operand buffers, post-processing; [`mod@array`]: the multiplication-free columns
//! - [`parts`]: queues, buffers, token counters
//! - [`lang`]: the layer over rust-hdl, with the Verilog writer

// rust-hdl leaves fields that start with an underscore out of the hardware: they hold numbers of the generator.
#![allow(clippy::used_underscore_binding)]
// An update function is one module's wiring; cutting it in two would make two modules of it.
#![allow(clippy::too_many_lines)]

pub mod accelerator;
pub mod array;
pub mod compute;
pub mod control;
pub mod core;
pub mod dma;
pub mod lang;
pub mod parts;

use cbp_isa::{BadConfig, Config};

pub use lang::emit::{Design, EmitError, Module};

/// Name of the top module.
pub const TOP: &str = "cbp_accelerator";

/// Why there is no Verilog.
#[derive(Debug, thiserror::Error)]
pub enum VerilogError {
    /// The configuration breaks a rule.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// The hardware description is at fault.
    #[error("the hardware description has a fault: {0}")]
    Emit(#[from] EmitError),
}

/// The accelerator of a configuration as Verilog.
///
/// # Errors
/// A configuration that cannot be built.
pub fn verilog(config: &Config) -> Result<Design, VerilogError> {
    config.check()?;
    Ok(lang::emit::emit(&accelerator::Accelerator::new(config), TOP)?)
}
