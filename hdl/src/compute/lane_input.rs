//! What a lane reads in a step.

use cbp_isa::Config;

use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;

/// Cycles from the activation word to what the lane reads.
pub const INPUT_LATENCY: usize = 3;
/// Bits of a byte.
const BYTE: usize = 8;

/// The lane's byte of the activation word, padding, or nothing.
///
/// Three registers, cleared, set bit by bit, and cleared: no look-up tables.
#[derive(LogicBlock)]
pub struct LaneInput {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Byte of the activation word.
    pub data: Wire<In>,
    /// The step lies outside its tensor.
    pub outside: Signal<In, Bit>,
    /// If so what is read there, else 0; one cycle later.
    pub fill: Wire<In>,
    /// The lane does not count: it reads 0; two cycles later.
    pub idle: Signal<In, Bit>,
    /// The lane's byte, [`INPUT_LATENCY`] cycles after `data`.
    pub byte: Wire<Out>,
    /// The activation in it.
    pub x: Wire<Out>,
    inside: Reg,
    fill_bits: Split,
    inside_bits: Split,
    filled: Vec<Reg>,
    joined: Concat,
    chosen: Reg,
    bits: Const,
    _activation_bits: usize,
}

impl LaneInput {
    /// A lane's input stage.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            clock: Signal::default(),
            data: Wire::new(BYTE),
            outside: Signal::default(),
            fill: Wire::new(BYTE),
            idle: Signal::default(),
            byte: Wire::new(BYTE),
            x: Wire::new(config.activation_bits),
            inside: Reg::plain(BYTE),
            fill_bits: Split::new(BYTE, 1),
            inside_bits: Split::new(BYTE, 1),
            filled: Reg::many(BYTE, 1),
            joined: Concat::new(BYTE, 1),
            chosen: Reg::plain(BYTE),
            bits: BYTE.into(),
            _activation_bits: config.activation_bits,
        }
    }
}

impl Logic for LaneInput {
    #[hdl_gen]
    fn update(&mut self) {
        self.inside.d.next = self.data.val();
        if self.outside.val() {
            self.inside.d.next = 0.into();
        }
        self.inside_bits.x.next = self.inside.q.val();
        self.fill_bits.x.next = self.fill.val();
        for i in 0..self.bits.value {
            self.filled[i].d.next = self.inside_bits.parts[i].val();
            if self.fill_bits.parts[i].val().any() {
                self.filled[i].d.next = 1.into();
            }
            self.joined.parts[i].next = self.filled[i].q.val();
        }
        self.chosen.d.next = self.joined.y.val();
        if self.idle.val() {
            self.chosen.d.next = 0.into();
        }
        self.byte.next = self.chosen.q.val();
        self.x.next = bits_resize(self.chosen.q.val(), self._activation_bits);
    }
}
