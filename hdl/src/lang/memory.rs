//! Memories: simple dual port, one write and one registered read, which synthesis maps to block or distributed RAM.

use rust_hdl::core::prelude::{Bit, Clock, In, Logic, LogicBlock, Out, Signal, Verilog, block, probe};

use super::wire::Wire;

/// A memory whose read is registered; nobody uses what is read of an address in the cycle that writes it.
///
/// Said to synthesis, this saves a bypass around memories that have no old word to give in that cycle.
#[derive(LogicBlock)]
pub struct Ram {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Write in this cycle.
    pub write_enable: Signal<In, Bit>,
    /// Word to write to; upper bits beyond the depth are ignored.
    pub write_address: Wire<In>,
    /// Word to write.
    pub write_data: Wire<In>,
    /// Read in this cycle; `read_data` holds otherwise.
    pub read_enable: Signal<In, Bit>,
    /// Word to read.
    pub read_address: Wire<In>,
    /// The word, one cycle later.
    pub read_data: Wire<Out>,
    _depth: usize,
    _style: &'static str,
}

/// Bits that address `depth` words.
#[must_use]
pub fn address_bits(depth: usize) -> usize {
    (usize::BITS - depth.saturating_sub(1).leading_zeros()).max(1) as usize
}

impl Ram {
    /// `depth` words of `width` bits.
    #[must_use]
    pub fn new(width: usize, depth: usize) -> Self {
        let address = address_bits(depth);
        Self {
            clock: Signal::default(),
            write_enable: Signal::default(),
            write_address: Wire::new(address),
            write_data: Wire::new(width),
            read_enable: Signal::default(),
            read_address: Wire::new(address),
            read_data: Wire::new(width),
            _depth: depth,
            _style: "",
        }
    }

    /// The same, in block RAM whatever its shape: for memories that are part of a large one, or that look-up tables
    /// are too good for.
    #[must_use]
    pub fn in_blocks(width: usize, depth: usize) -> Self {
        Self { _style: "(* ram_style = \"block\" *) ", ..Self::new(width, depth) }
    }

    /// The same, in look-up tables and registers whatever its shape: for small queues.
    #[must_use]
    pub fn in_tables(width: usize, depth: usize) -> Self {
        Self { _style: "(* ram_style = \"distributed\" *) ", ..Self::new(width, depth) }
    }
}

impl Logic for Ram {
    fn update(&mut self) {}
    fn hdl(&self) -> Verilog {
        let (width, last) = (self.write_data.width() - 1, self._depth - 1);
        let style = self._style;
        Verilog::Custom(format!(
            "{style}(* no_rw_check *) reg [{width}:0] words [0:{last}];\n\
             reg [{width}:0] read_word;\n\
             assign read_data = read_word;\n\
             always @(posedge clock) begin\n  \
               if (write_enable) words[write_address] <= write_data;\n  \
               if (read_enable) read_word <= words[read_address];\n\
             end\n"
        ))
    }
}
