//! Recodes 8-bit weights into the digits that an array can multiply by (`cbp_isa::weight_code::int8_digits`).

use cbp_isa::WeightSet;

use crate::lang::prelude::*;

/// One plane bit of one digit of one weight.
///
/// Shift arrays: radix-4 Booth digits. Ternary arrays: the bits, the top one negative. Binary arrays: the ±1
/// digits of 2w + 1, then −1.
#[derive(LogicBlock)]
pub struct Recoder {
    /// The weight, two's complement.
    pub weight: Wire<In>,
    /// Digit, in pass order.
    pub digit: Wire<In>,
    /// Bit of the code.
    pub plane: Wire<In>,
    /// That bit.
    pub code: Signal<Out, Bit>,
    high: Signal<Local, Bit>,
    middle: Signal<Local, Bit>,
    low: Signal<Local, Bit>,
    one: Signal<Local, Bit>,
    two: Signal<Local, Bit>,
    shift_array: Const,
    ternary_array: Const,
    binary_array: Const,
}

impl Recoder {
    /// The recoder for an array of `set`.
    #[must_use]
    pub fn new(set: WeightSet) -> Self {
        let shift = set >= WeightSet::OneBitShift;
        Self {
            weight: Wire::new(8),
            digit: Wire::new(4),
            plane: Wire::new(2),
            code: Signal::default(),
            high: Signal::default(),
            middle: Signal::default(),
            low: Signal::default(),
            one: Signal::default(),
            two: Signal::default(),
            shift_array: usize::from(shift).into(),
            ternary_array: usize::from(set == WeightSet::Ternary).into(),
            binary_array: usize::from(set == WeightSet::Binary).into(),
        }
    }
}

impl Logic for Recoder {
    #[hdl_gen]
    fn update(&mut self) {
        self.high.next = self.weight.val().get_bit(7);
        self.middle.next = false;
        self.low.next = false;
        self.one.next = false;
        self.two.next = false;
        self.code.next = false;
        for _s in 0..self.shift_array.value {
            // Bits 2i+1, 2i, 2i−1 make the digit −2·high + middle + low.
            self.middle.next = self.weight.val().get_bit(6);
            self.low.next = self.weight.val().get_bit(5);
            if self.digit.val() == 1 {
                self.high.next = self.weight.val().get_bit(5);
                self.middle.next = self.weight.val().get_bit(4);
                self.low.next = self.weight.val().get_bit(3);
            }
            if self.digit.val() == 2 {
                self.high.next = self.weight.val().get_bit(3);
                self.middle.next = self.weight.val().get_bit(2);
                self.low.next = self.weight.val().get_bit(1);
            }
            if self.digit.val() == 3 {
                self.high.next = self.weight.val().get_bit(1);
                self.middle.next = self.weight.val().get_bit(0);
                self.low.next = false;
            }
            self.one.next = self.middle.val() != self.low.val();
            self.two.next = (self.high.val() && !self.middle.val() && !self.low.val())
                || (!self.high.val() && self.middle.val() && self.low.val());
            self.code.next = self.one.val();
            if self.plane.val() == 1 {
                self.code.next = self.two.val();
            }
            if self.plane.val() == 2 {
                self.code.next = self.high.val();
            }
        }
        for _t in 0..self.ternary_array.value {
            for d in 0..7 {
                if self.digit.val() == d + 1 {
                    self.high.next = self.weight.val().get_bit(6 - d);
                }
            }
            self.code.next = self.high.val();
            if self.plane.val() == 1 {
                self.code.next = self.digit.val() == 0;
            }
        }
        for _b in 0..self.binary_array.value {
            // Bit 1 means digit +1, code 0; the top bit is inverted; the ninth digit is −1.
            for d in 0..7 {
                if self.digit.val() == d + 1 {
                    self.high.next = !self.weight.val().get_bit(6 - d);
                }
            }
            if self.digit.val() == 8 {
                self.high.next = true;
            }
            self.code.next = self.high.val();
        }
    }
}
