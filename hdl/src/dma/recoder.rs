//! Recodes 8-bit weights into the digits that an array can multiply by (`cbp_isa::weight_code::int8_digits`).

use cbp_isa::WeightSet;
use cbp_isa::weight_code::sign_reference;

use crate::lang::arith::{Concat, Pick};
use crate::lang::prelude::*;

/// One digit of one weight.
///
/// Shift arrays: radix-4 Booth digits. Ternary arrays: the bits, the top one negative. Binary arrays: the ±1
/// digits of 2w + 1, then −1.
#[derive(LogicBlock)]
pub struct Digit {
    /// The weight, two's complement.
    pub weight: Wire<In>,
    /// Digit, in pass order.
    pub digit: Wire<In>,
    /// It is negative; of a digit of 0 either sign will do.
    pub sign: Wire<Out>,
    /// It is 0.
    pub zero: Wire<Out>,
    /// It is not ±1.
    pub even: Wire<Out>,
    high: Signal<Local, Bit>,
    middle: Signal<Local, Bit>,
    low: Signal<Local, Bit>,
    shift_array: Const,
    ternary_array: Const,
    binary_array: Const,
}

impl Digit {
    /// A digit for an array of `set`.
    #[must_use]
    pub fn new(set: WeightSet) -> Self {
        let is = |holds| usize::from(holds).into();
        Self {
            weight: Wire::new(8),
            digit: Wire::new(4),
            sign: Wire::new(1),
            zero: Wire::new(1),
            even: Wire::new(1),
            high: Signal::default(),
            middle: Signal::default(),
            low: Signal::default(),
            shift_array: is(set >= WeightSet::OneBitShift),
            ternary_array: is(set == WeightSet::Ternary),
            binary_array: is(set == WeightSet::Binary),
        }
    }
}

impl Logic for Digit {
    #[hdl_gen]
    fn update(&mut self) {
        self.high.next = self.weight.val().get_bit(7);
        self.middle.next = false;
        self.low.next = false;
        self.zero.next = 0.into();
        self.even.next = 0.into();
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
            self.sign.next = self.high.val().into();
            self.even.next = (self.middle.val() == self.low.val()).into();
            self.zero.next =
                ((self.middle.val() == self.low.val()) && (self.high.val() == self.middle.val())).into();
        }
        for _t in 0..self.ternary_array.value {
            for d in 0..7 {
                if self.digit.val() == d + 1 {
                    self.high.next = self.weight.val().get_bit(6 - d);
                }
            }
            self.zero.next = (!self.high.val()).into();
            // All digits of a pass have one sign.
            self.sign.next = (self.digit.val() == 0).into();
        }
        for _b in 0..self.binary_array.value {
            // A bit of 0 means the digit −1; the top bit is inverted; the ninth digit is −1.
            for d in 0..7 {
                if self.digit.val() == d + 1 {
                    self.high.next = !self.weight.val().get_bit(6 - d);
                }
            }
            if self.digit.val() == 8 {
                self.high.next = true;
            }
            self.sign.next = self.high.val().into();
        }
    }
}

/// The codes of one digit of the weights of a column.
#[derive(LogicBlock)]
pub struct Recoder {
    /// The weights, two's complement.
    pub weight: Vec<Wire<In>>,
    /// Digit, in pass order.
    pub digit: Wire<In>,
    /// Its code bits, lowest first: bit k of a plane belongs to lane k.
    pub plane: Vec<Wire<Out>>,
    lane: Vec<Digit>,
    /// The lanes' signs, and one that is positive.
    signs: Concat,
    reference: Vec<Pick>,
    bits: Vec<Concat>,
    lanes: Const,
    planes: Const,
    /// 1 if a code has a bit for 0.
    zeros: Const,
    /// 1 if a code has a bit for a shift.
    shifts: Const,
    sign: Const,
}

impl Recoder {
    /// The recoder of `lanes` weights for an array of `set`.
    #[must_use]
    pub fn new(set: WeightSet, lanes: usize) -> Self {
        let planes = set.code_bits() as usize;
        let reference = |k| Pick::new(lanes + 1, sign_reference(set, k).unwrap_or(lanes), 1);
        Self {
            weight: Wire::many(lanes, 8),
            digit: Wire::new(4),
            plane: Wire::many(planes, lanes),
            lane: (0..lanes).map(|_| Digit::new(set)).collect(),
            signs: Concat::new(lanes + 1, 1),
            reference: (0..lanes).map(reference).collect(),
            bits: (0..planes).map(|_| Concat::new(lanes, 1)).collect(),
            lanes: lanes.into(),
            planes: planes.into(),
            zeros: usize::from(planes > 1).into(),
            shifts: usize::from(planes > 2).into(),
            sign: (planes - 1).into(),
        }
    }
}

impl Logic for Recoder {
    #[hdl_gen]
    fn update(&mut self) {
        self.signs.parts[self.lanes.value].next = 0.into();
        for k in 0..self.lanes.value {
            self.lane[k].weight.next = self.weight[k].val();
            self.lane[k].digit.next = self.digit.val();
            self.signs.parts[k].next = self.lane[k].sign.val();
            self.reference[k].x.next = self.signs.y.val();
            self.bits[self.sign.value].parts[k].next = self.lane[k].sign.val() ^ self.reference[k].y.val();
            for i in 0..self.zeros.value {
                self.bits[i].parts[k].next = self.lane[k].zero.val();
            }
            for i in 0..self.shifts.value {
                self.bits[i + 1].parts[k].next = self.lane[k].even.val();
            }
        }
        for p in 0..self.planes.value {
            self.plane[p].next = self.bits[p].y.val();
        }
    }
}
