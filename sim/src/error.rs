//! What ends a simulation.

use cbp_hdl::VerilogError;
use cbp_isa::BadConfig;

/// Why the simulated device cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The model cannot be built, or stopped.
    #[error(transparent)]
    Model(#[from] verilator_sys::Error),
    /// The accelerator has no Verilog.
    #[error(transparent)]
    Verilog(#[from] VerilogError),
    /// The configuration cannot be built.
    #[error(transparent)]
    Config(#[from] BadConfig),
    /// The device broke a rule of AXI.
    #[error("cycle {cycle}: {channel}: {rule}")]
    Protocol {
        /// When.
        cycle: u64,
        /// Where.
        channel: &'static str,
        /// Which rule.
        rule: String,
    },
    /// A register access got no answer.
    #[error("register {offset:#06x} did not answer within {cycles} cycles")]
    NoAnswer {
        /// Of the register.
        offset: u32,
        /// How long it was waited for.
        cycles: u64,
    },
    /// A register access was answered with an error.
    #[error("register {offset:#06x} answered with response {response}")]
    Refused {
        /// Of the register.
        offset: u32,
        /// AXI response code.
        response: u64,
    },
    /// A condition did not come true.
    #[error("the condition did not come true within {0} cycles")]
    Limit(u64),
    /// The memory's timing cannot change now.
    #[error("the timing cannot change while transfers are in flight, and a link is part of its device")]
    Timing,
}
