//! A further unit of a chain: its adder selects its operand, shifts it, zeroes it and gives it its sign.

use cbp_isa::WeightSet;

use super::shape::Shape;
use crate::lang::adder::SignedAdder;
use crate::lang::prelude::*;

/// Adds ±(operand << shift) or 0 to the sum of the units before it.
///
/// Per bit, everything is one function of at most six signals (the sum's bit, up to two bits of the operand, and
/// the code), that is the look-up table of the adder itself. The third place of a two-bit shift would be one
/// signal more; so its operand stands in two registers, one for ×1 and ×2 and one for ×4, whose resets do
/// the choosing.
#[derive(LogicBlock)]
pub struct Member {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Sum of the units before.
    pub sum_in: Wire<In>,
    /// The unit's operands, signed.
    pub operand: Vec<Wire<In>>,
    /// The unit's code.
    pub code: Wire<In>,
    /// Sum including this unit, one cycle later.
    pub sum: Wire<Out>,
    wide: Vec<Wire<Local>>,
    chosen: Wire<Local>,
    low: Vec<Reg>,
    high: Vec<Reg>,
    control: Vec<Reg>,
    adder: SignedAdder,
    pair: Const,
    ternary: Const,
    one_bit: Const,
    two_bit: Const,
}

impl Member {
    /// Unit `place` of a chain, from 1.
    #[must_use]
    pub fn new(shape: &Shape, place: usize) -> Self {
        let width = shape.selected_bits();
        let is = |set| usize::from(shape.set == set);
        let (before, after) = (shape.sum_bits(place), shape.sum_bits(place + 1));
        let two_bit = is(WeightSet::TwoBitShift);
        Self {
            clock: Signal::default(),
            sum_in: Wire::new(before),
            operand: Wire::many(shape.unit_operands(), shape.operand_bits()),
            code: Wire::new(shape.unit_code_bits()),
            sum: Wire::new(after),
            wide: Wire::many(2, width),
            chosen: Wire::new(width),
            low: Reg::many(two_bit, shape.operand_bits()),
            high: Reg::many(two_bit, shape.operand_bits()),
            control: Reg::many(two_bit, 3),
            adder: SignedAdder::new(before, width, after),
            pair: is(WeightSet::Binary).into(),
            ternary: is(WeightSet::Ternary).into(),
            one_bit: is(WeightSet::OneBitShift).into(),
            two_bit: two_bit.into(),
        }
    }
}

impl Logic for Member {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.pair.value {
            // The sum of the pair, or its difference.
            self.wide[i].next = signed_cast(self.operand[i].val());
            self.wide[i + 1].next = signed_cast(self.operand[i + 1].val());
            self.chosen.next = self.wide[i].val();
            if self.code.val().get_bit(i + 1) {
                self.chosen.next = self.wide[i + 1].val();
            }
            self.adder.negative.next = self.code.val().get_bit(i);
        }
        for i in 0..self.ternary.value {
            self.wide[i].next = signed_cast(self.operand[i].val());
            self.wide[i + 1].next = 0.into();
            self.chosen.next = self.wide[i].val();
            if self.code.val().get_bit(i) {
                self.chosen.next = 0.into();
            }
            self.adder.negative.next = self.code.val().get_bit(i + 1);
        }
        for i in 0..self.one_bit.value {
            self.wide[i].next = signed_cast(self.operand[i].val());
            self.wide[i + 1].next = 0.into();
            self.chosen.next = self.wide[i].val();
            if self.code.val().get_bit(i + 1) {
                self.chosen.next = self.wide[i].val() << 1;
            }
            if self.code.val().get_bit(i) {
                self.chosen.next = 0.into();
            }
            self.adder.negative.next = self.code.val().get_bit(i + 2);
        }
        for i in 0..self.two_bit.value {
            self.control[i].d.next = self.code.val();
            // Bit 0 keeps ×1 and ×2 out; ×4 is 01.
            self.low[i].d.next = self.operand[i].val();
            if self.code.val().get_bit(i) {
                self.low[i].d.next = 0.into();
            }
            self.high[i].d.next = 0.into();
            if self.code.val().get_bits::<2>(i) == 1 {
                self.high[i].d.next = self.operand[i].val();
            }
            self.wide[i].next = signed_cast(self.low[i].q.val());
            self.wide[i + 1].next = signed_cast(self.high[i].q.val());
            self.chosen.next = self.wide[i].val() | (self.wide[i + 1].val() << 2);
            if self.control[i].q.val().get_bit(i + 1) {
                self.chosen.next = (self.wide[i].val() << 1) | (self.wide[i + 1].val() << 2);
            }
            self.adder.negative.next = self.control[i].q.val().get_bit(i + 2);
        }
        self.adder.a.next = self.sum_in.val();
        self.adder.b.next = self.chosen.val();
        self.sum.next = self.adder.sum.val();
    }
}
