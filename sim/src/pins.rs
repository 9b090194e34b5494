//! Ports of the accelerator, and where each lies among the model's words.

use cbp_isa::Config;
use verilator_sys::{Direction, Library, Port};

use crate::error::SimError;

/// Name of its clock.
pub(crate) const CLOCK: &str = "clock";

macro_rules! pins {
    ($config:ident; inputs { $($input:ident: $input_bits:expr),* $(,)? } outputs { $($output:ident: $output_bits:expr),* $(,)? }) => {
        /// All ports of the top module for a configuration, the clock excepted.
        #[must_use]
        pub fn ports($config: &Config) -> Vec<Port> {
            vec![
                $(Port::input(stringify!($input), $input_bits),)*
                $(Port::output(stringify!($output), $output_bits),)*
            ]
        }

        /// First word of every input.
        pub(crate) struct Inputs { $(pub(crate) $input: usize,)* }
        /// First word of every output.
        pub(crate) struct Outputs { $(pub(crate) $output: usize,)* }

        impl Inputs {
            pub(crate) fn new(library: &Library) -> Result<Self, SimError> {
                Ok(Self { $($input: library.signal(Direction::Input, stringify!($input))?.word,)* })
            }
        }
        impl Outputs {
            pub(crate) fn new(library: &Library) -> Result<Self, SimError> {
                Ok(Self { $($output: library.signal(Direction::Output, stringify!($output))?.word,)* })
            }
        }
    };
}

pins! {
    config;
    inputs {
        reset: 1,
        s_axil_awvalid: 1, s_axil_awaddr: 16,
        s_axil_wvalid: 1, s_axil_wdata: 32, s_axil_wstrb: 4,
        s_axil_bready: 1,
        s_axil_arvalid: 1, s_axil_araddr: 16,
        s_axil_rready: 1,
        m_axi_arready: 1,
        m_axi_rvalid: 1, m_axi_rdata: config.axi_bits, m_axi_rresp: 2, m_axi_rlast: 1, m_axi_rid: 8,
        m_axi_awready: 1,
        m_axi_wready: 1,
        m_axi_bvalid: 1, m_axi_bresp: 2, m_axi_bid: 8,
    }
    outputs {
        s_axil_awready: 1,
        s_axil_wready: 1,
        s_axil_bvalid: 1, s_axil_bresp: 2,
        s_axil_arready: 1,
        s_axil_rvalid: 1, s_axil_rdata: 32, s_axil_rresp: 2,
        m_axi_arvalid: 1, m_axi_araddr: 64, m_axi_arlen: 8, m_axi_arsize: 3, m_axi_arburst: 2, m_axi_arid: 8,
        m_axi_rready: 1,
        m_axi_awvalid: 1, m_axi_awaddr: 64, m_axi_awlen: 8, m_axi_awsize: 3, m_axi_awburst: 2, m_axi_awid: 8,
        m_axi_wvalid: 1, m_axi_wdata: config.axi_bits, m_axi_wstrb: config.axi_bits / 8, m_axi_wlast: 1,
        m_axi_bready: 1,
        irq: 4, wrapper_reset_req: 1,
    }
}
