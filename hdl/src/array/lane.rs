//! One lane: an activation times one weight code, by selecting and negating.

use cbp_isa::WeightSet;

use crate::lang::arith::Concat;
use crate::lang::prelude::*;

/// A lane for any weight set.
///
/// ```text
///                ┌────────┐   ┌─────┐   ┌─────┐
/// x ──▶ x<<s ──▶ │ select ├──▶│  ±  ├──▶│ reg ├──▶ product
///                └───▲────┘   └──▲──┘   └─────┘
/// code: magnitude ───┘    sign ──┘
/// ```
///
/// The code is sign and magnitude (`cbp_isa::weight_code`): magnitude 0 selects 0, 1 x, 2 x<<1, 3 x<<2;
/// reserved codes select 0. A binary code is a sign alone and selects x.
#[derive(LogicBlock)]
pub struct Lane {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Activation, signed.
    pub x: Wire<In>,
    /// Weight code, one bit per plane.
    pub code: Vec<Signal<In, Bit>>,
    /// ±(x << s), signed, one cycle later.
    pub product: Wire<Out>,
    wide: Wire<Local>,
    magnitude: Concat,
    chosen: Wire<Local>,
    result: Reg,
    /// Bits of the magnitude; the sign is the bit above.
    sign: Const,
    /// Magnitudes with a meaning besides 0.
    levels: Const,
    /// 1 for a binary lane.
    always: Const,
}

/// Bits of a lane's product: −(−128 << D) needs one bit more than the shifted activation.
#[must_use]
pub fn product_bits(set: WeightSet, activation_bits: usize) -> usize {
    activation_bits + set.max_shift() as usize + 1
}

impl Lane {
    /// A lane for activations of `activation_bits`.
    #[must_use]
    pub fn new(set: WeightSet, activation_bits: usize) -> Self {
        let sign = set.code_bits() as usize - 1;
        let width = product_bits(set, activation_bits);
        let binary = set == WeightSet::Binary;
        Self {
            clock: Signal::default(),
            x: Wire::new(activation_bits),
            code: (0..=sign).map(|_| Signal::default()).collect(),
            product: Wire::new(width),
            wide: Wire::new(width),
            magnitude: Concat::new(sign.max(1), 1),
            chosen: Wire::new(width),
            result: Reg::plain(width),
            sign: sign.into(),
            levels: if binary { 0 } else { set.max_shift() as usize + 1 }.into(),
            always: usize::from(binary).into(),
        }
    }
}

impl Logic for Lane {
    #[hdl_gen]
    fn update(&mut self) {
        self.wide.next = signed_cast(self.x.val());
        self.chosen.next = 0.into();
        for i in 0..self.always.value {
            self.magnitude.parts[i].next = 1.into();
            self.chosen.next = self.wide.val();
        }
        for i in 0..self.sign.value {
            self.magnitude.parts[i].next = self.code[i].val().into();
        }
        for s in 0..self.levels.value {
            if self.magnitude.y.val() == s + 1 {
                self.chosen.next = self.wide.val() << s;
            }
        }
        self.result.d.next = self.chosen.val();
        if self.code[self.sign.value].val() {
            self.result.d.next = -self.chosen.val();
        }
        self.product.next = self.result.q.val();
    }
}
