//! What a lane reads in a step.

use cbp_isa::Config;

use crate::lang::prelude::*;

/// The lane's byte of the activation word, padding, or nothing; one LUT per bit, and a register.
#[derive(LogicBlock)]
pub struct LaneInput {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Byte of the activation word.
    pub data: Wire<In>,
    /// The lane counts in this step; else it reads 0.
    pub counts: Signal<In, Bit>,
    /// The step lies outside its tensor.
    pub outside: Signal<In, Bit>,
    /// What is read there.
    pub fill: Wire<In>,
    /// The lane's byte, one cycle later.
    pub byte: Wire<Out>,
    /// The activation in it.
    pub x: Wire<Out>,
    chosen: Reg,
    _activation_bits: usize,
}

impl LaneInput {
    /// A lane's input stage.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            clock: Signal::default(),
            data: Wire::new(8),
            counts: Signal::default(),
            outside: Signal::default(),
            fill: Wire::new(8),
            byte: Wire::new(8),
            x: Wire::new(config.activation_bits),
            chosen: Reg::plain(8),
            _activation_bits: config.activation_bits,
        }
    }
}

impl Logic for LaneInput {
    #[hdl_gen]
    fn update(&mut self) {
        self.chosen.d.next = self.data.val();
        if self.outside.val() {
            self.chosen.d.next = self.fill.val();
        }
        if !self.counts.val() {
            self.chosen.d.next = 0.into();
        }
        self.byte.next = self.chosen.q.val();
        self.x.next = bits_resize(self.chosen.q.val(), self._activation_bits);
    }
}
