//! Writes completion entries: one aligned burst.

use cbp_isa::Config;
use cbp_isa::ring::COMPLETION_BYTES;

use crate::lang::arith::{Choose, Concat, Split};
use crate::lang::prelude::*;

/// 32-bit parts of an entry.
pub const PARTS: usize = COMPLETION_BYTES / 4;

/// Offers the burst of an entry and its beats.
#[derive(LogicBlock)]
pub struct CompletionWriter {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget the entry.
    pub reset: Signal<In, Bit>,
    /// Write the entry; it must hold still until `done`.
    pub start: Signal<In, Bit>,
    /// The entry in 32-bit parts.
    pub entry: Vec<Wire<In>>,
    /// Its address.
    pub address: Wire<In>,
    /// The burst is offered.
    pub burst_valid: Signal<Out, Bit>,
    /// Its first byte.
    pub burst_address: Wire<Out>,
    /// Its beats.
    pub burst_beats: Wire<Out>,
    /// It is taken.
    pub burst_ready: Signal<In, Bit>,
    /// A beat is offered.
    pub data_valid: Signal<Out, Bit>,
    /// The beat.
    pub data: Wire<Out>,
    /// The last one.
    pub data_last: Signal<Out, Bit>,
    /// It is taken.
    pub data_ready: Signal<In, Bit>,
    /// All beats have left.
    pub done: Signal<Out, Bit>,
    asking: Dff<Bit>,
    sending: Dff<Bit>,
    index: Reg,
    all: Concat,
    beats: Split,
    chosen: Choose,
    count: Const,
    last: Const,
}

impl CompletionWriter {
    /// The writer of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let beats = 8 * COMPLETION_BYTES / config.axi_bits;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            start: Signal::default(),
            entry: Wire::many(PARTS, 32),
            address: Wire::new(64),
            burst_valid: Signal::default(),
            burst_address: Wire::new(64),
            burst_beats: Wire::new(9),
            burst_ready: Signal::default(),
            data_valid: Signal::default(),
            data: Wire::new(config.axi_bits),
            data_last: Signal::default(),
            data_ready: Signal::default(),
            done: Signal::default(),
            asking: Dff::default(),
            sending: Dff::default(),
            index: Reg::with_reset(2, 0),
            all: Concat::new(PARTS, 32),
            beats: Split::new(beats, config.axi_bits),
            chosen: Choose::new(beats, config.axi_bits, 2),
            count: beats.into(),
            last: (beats - 1).into(),
        }
    }
}

impl Logic for CompletionWriter {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..8 {
            self.all.parts[i].next = self.entry[i].val();
        }
        self.beats.x.next = self.all.y.val();
        self.burst_valid.next = self.asking.q.val();
        self.burst_address.next = self.address.val();
        self.burst_beats.next = self.count.val();
        self.data_valid.next = self.sending.q.val();
        self.data_last.next = self.index.q.val() == self.last.val();
        self.chosen.index.next = self.index.q.val();
        for i in 0..self.count.value {
            self.chosen.parts[i].next = self.beats.parts[i].val();
        }
        self.data.next = self.chosen.y.val();
        self.done.next = self.sending.q.val() && self.data_ready.val() && self.data_last.val();
        if self.asking.q.val() && self.burst_ready.val() {
            self.asking.d.next = false;
            self.sending.d.next = true;
        }
        if self.sending.q.val() && self.data_ready.val() {
            self.index.d.next = self.index.q.val() + 1;
        }
        if self.done.val() {
            self.sending.d.next = false;
        }
        if self.start.val() {
            self.asking.d.next = true;
            self.index.d.next = 0.into();
        }
    }
}
