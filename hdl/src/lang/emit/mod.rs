//! From a rust-hdl block to Verilog: one module per distinct block, every width checked.
//!
//! `collect` walks the block and takes its ports and syntax trees; `expression` turns an expression into text
//! under strict width rules; `statement` unrolls loops, splits an update function into processes and refuses early
//! reads; `module` writes the text, refuses latches and nets without a driver, and shares equal modules;
//! `keywords` holds the names that Verilog keeps for itself.
//!
//! An update function means what its lines say in order: a read sees the latest assignment above it.

mod collect;
mod expression;
mod keywords;
mod module;
mod statement;

use rust_hdl::core::prelude::Block;

pub use module::{Design, Module};

/// Marks a leaf whose Verilog is written in place of an instance; `` `port` `` stands for the parent's name.
pub const INLINE: &str = "inline";

/// Why a block has no Verilog. These are faults of the hardware description, found when it is emitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {reason}")]
pub struct EmitError {
    /// The instance, from the top.
    pub path: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Writes `top` as a Verilog module named `prefix` and everything below it as `{prefix}_…`, children first.
///
/// # Errors
/// The first width mismatch, latch, undriven input or unsupported construct, with the instance's path.
pub fn emit(top: &impl Block, prefix: &str) -> Result<Design, EmitError> {
    let scope = collect::collect(top)?;
    module::write_design(&scope, prefix)
}
