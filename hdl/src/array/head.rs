//! The first unit of a chain: it selects and stores, without an adder.

use cbp_isa::WeightSet;

use super::shape::Shape;
use crate::lang::prelude::*;

/// What the first weight of a chain makes of its activation.
///
/// The head of lane 0 carries the sign of the whole column: it is complemented, and the accumulator adds the
/// missing 1. Other heads are never negated.
#[derive(LogicBlock)]
pub struct Head {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// The unit's operands, signed.
    pub operand: Vec<Wire<In>>,
    /// The unit's code.
    pub code: Wire<In>,
    /// Selected value, signed, one cycle later.
    pub value: Wire<Out>,
    wide: Vec<Wire<Local>>,
    chosen: Wire<Local>,
    result: Reg,
    signed: Const,
    pair: Const,
    ternary: Const,
    one_bit: Const,
    two_bit: Const,
    sign: Const,
}

impl Head {
    /// The head of a chain; `signed` for lane 0.
    #[must_use]
    pub fn new(shape: &Shape, signed: bool) -> Self {
        let width = shape.selected_bits();
        let is = |set| usize::from(shape.set == set).into();
        Self {
            clock: Signal::default(),
            operand: Wire::many(shape.unit_operands(), shape.operand_bits()),
            code: Wire::new(shape.unit_code_bits()),
            value: Wire::new(width),
            wide: Wire::many(shape.unit_operands(), width),
            chosen: Wire::new(width),
            result: Reg::plain(width),
            signed: usize::from(signed).into(),
            pair: is(WeightSet::Binary),
            ternary: is(WeightSet::Ternary),
            one_bit: is(WeightSet::OneBitShift),
            two_bit: is(WeightSet::TwoBitShift),
            sign: if shape.pairs() { 0 } else { shape.unit_code_bits() - 1 }.into(),
        }
    }
}

impl Logic for Head {
    #[hdl_gen]
    fn update(&mut self) {
        self.wide[0].next = signed_cast(self.operand[0].val());
        self.chosen.next = self.wide[0].val();
        for i in 0..self.pair.value {
            // The sum of the pair, or its difference.
            self.wide[i + 1].next = signed_cast(self.operand[i + 1].val());
            if self.code.val().get_bit(i + 1) {
                self.chosen.next = self.wide[i + 1].val();
            }
        }
        for i in 0..self.ternary.value {
            if self.code.val().get_bit(i) {
                self.chosen.next = 0.into();
            }
        }
        for i in 0..self.one_bit.value {
            if self.code.val().get_bit(i + 1) {
                self.chosen.next = self.wide[i].val() << 1;
            }
            if self.code.val().get_bit(i) {
                self.chosen.next = 0.into();
            }
        }
        for i in 0..self.two_bit.value {
            if self.code.val().get_bits::<2>(i) == 2 {
                self.chosen.next = self.wide[i].val() << 1;
            }
            if self.code.val().get_bits::<2>(i) == 1 {
                self.chosen.next = self.wide[i].val() << 2;
            }
            if self.code.val().get_bits::<2>(i) == 3 {
                self.chosen.next = 0.into();
            }
        }
        self.result.d.next = self.chosen.val();
        for _s in 0..self.signed.value {
            if self.code.val().get_bit(self.sign.value) {
                self.result.d.next = !self.chosen.val();
            }
        }
        self.value.next = self.result.q.val();
    }
}
