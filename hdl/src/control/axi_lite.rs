//! The AXI4-Lite slave: one access at a time each way, never an error, never a hang.

use crate::lang::prelude::*;

/// Turns AXI4-Lite accesses into register reads and writes.
#[derive(LogicBlock)]
pub struct AxiLite {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// AXI: write address.
    pub awvalid: Signal<In, Bit>,
    /// AXI: taken, together with the data.
    pub awready: Signal<Out, Bit>,
    /// AXI: byte address.
    pub awaddr: Wire<In>,
    /// AXI: write data.
    pub wvalid: Signal<In, Bit>,
    /// AXI: taken, together with the address.
    pub wready: Signal<Out, Bit>,
    /// AXI: the data.
    pub wdata: Wire<In>,
    /// AXI: bytes that count.
    pub wstrb: Wire<In>,
    /// AXI: write done.
    pub bvalid: Signal<Out, Bit>,
    /// AXI: taken.
    pub bready: Signal<In, Bit>,
    /// AXI: read address.
    pub arvalid: Signal<In, Bit>,
    /// AXI: taken.
    pub arready: Signal<Out, Bit>,
    /// AXI: byte address.
    pub araddr: Wire<In>,
    /// AXI: read data.
    pub rvalid: Signal<Out, Bit>,
    /// AXI: taken.
    pub rready: Signal<In, Bit>,
    /// AXI: the data.
    pub rdata: Wire<Out>,
    /// Write a register.
    pub write: Signal<Out, Bit>,
    /// Which one (byte address, low bits 0).
    pub write_address: Wire<Out>,
    /// The data.
    pub write_data: Wire<Out>,
    /// Bits that count.
    pub write_mask: Wire<Out>,
    /// Read a register.
    pub read: Signal<Out, Bit>,
    /// Which one.
    pub read_address: Wire<Out>,
    /// Its value, in the same cycle.
    pub read_data: Wire<In>,
    answer: Dff<Bit>,
    asked: Dff<Bit>,
    asked_address: Reg,
    reading: Dff<Bit>,
    data: Reg,
    masks: crate::lang::arith::Concat,
    word_mask: Const,
}

impl Default for AxiLite {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            awvalid: Signal::default(),
            awready: Signal::default(),
            awaddr: Wire::new(16),
            wvalid: Signal::default(),
            wready: Signal::default(),
            wdata: Wire::new(32),
            wstrb: Wire::new(4),
            bvalid: Signal::default(),
            bready: Signal::default(),
            arvalid: Signal::default(),
            arready: Signal::default(),
            araddr: Wire::new(16),
            rvalid: Signal::default(),
            rready: Signal::default(),
            rdata: Wire::new(32),
            write: Signal::default(),
            write_address: Wire::new(16),
            write_data: Wire::new(32),
            write_mask: Wire::new(32),
            read: Signal::default(),
            read_address: Wire::new(16),
            read_data: Wire::new(32),
            answer: Dff::default(),
            asked: Dff::default(),
            asked_address: Reg::plain(16),
            reading: Dff::default(),
            data: Reg::plain(32),
            masks: crate::lang::arith::Concat::new(32, 1),
            word_mask: 0xfffc.into(),
        }
    }
}

impl Logic for AxiLite {
    #[hdl_gen]
    fn update(&mut self) {
        self.write.next = self.awvalid.val() && self.wvalid.val() && !self.answer.q.val();
        self.awready.next = self.write.val();
        self.wready.next = self.write.val();
        self.write_address.next = self.awaddr.val() & self.word_mask.val();
        self.write_data.next = self.wdata.val();
        for b in 0..8 {
            self.masks.parts[b].next = self.wstrb.val().get_bits::<1>(0);
            self.masks.parts[b + 8].next = self.wstrb.val().get_bits::<1>(1);
            self.masks.parts[b + 16].next = self.wstrb.val().get_bits::<1>(2);
            self.masks.parts[b + 24].next = self.wstrb.val().get_bits::<1>(3);
        }
        self.write_mask.next = self.masks.y.val();
        self.bvalid.next = self.answer.q.val();
        if self.answer.q.val() && self.bready.val() {
            self.answer.d.next = false;
        }
        if self.write.val() {
            self.answer.d.next = true;
        }
        // A read takes the cycle behind its request: the choice of the register is a wide one.
        self.arready.next = self.arvalid.val() && !self.asked.q.val() && !self.reading.q.val();
        self.asked.d.next = self.arready.val();
        if self.arready.val() {
            self.asked_address.d.next = self.araddr.val() & self.word_mask.val();
        }
        self.read.next = self.asked.q.val();
        self.read_address.next = self.asked_address.q.val();
        if self.read.val() {
            self.data.d.next = self.read_data.val();
        }
        self.rvalid.next = self.reading.q.val();
        self.rdata.next = self.data.q.val();
        if self.reading.q.val() && self.rready.val() {
            self.reading.d.next = false;
        }
        if self.read.val() {
            self.reading.d.next = true;
        }
    }
}
