//! The shift of a post-processing lane: only the bits that can decide a byte come out.

use crate::lang::arith::Choose;
use crate::lang::prelude::*;

/// Bits of P = acc·m + B + r·R, by the numerics contract.
pub const PRODUCT_BITS: usize = 48;
/// Bits of 2P, from which shifting by s starts: P >> (s − 1) without the subtraction.
const DOUBLE_BITS: usize = PRODUCT_BITS + 1;
/// Bits of 2P >> s that decide: when it needs more, the result lies beyond every clamp, whatever z is.
pub const KEPT_BITS: usize = 10;
/// Bits that a shift by the lower four bits of s starts from.
const COARSE_BITS: usize = KEPT_BITS + 15;
/// Bits that a shift by the lower two of them starts from.
const FINE_BITS: usize = KEPT_BITS + 3;

/// 2P >> s, cut to [`KEPT_BITS`], in two registered stages; `over` when the cut changes it.
#[derive(LogicBlock)]
pub struct NarrowShift {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// P, signed.
    pub total: Wire<In>,
    /// s, at most 47.
    pub places: Wire<In>,
    /// P > 0, one cycle later.
    pub positive: Signal<Out, Bit>,
    /// Lowest bits of the shifted value, signed, two cycles later.
    pub kept: Wire<Out>,
    /// They are not all of it.
    pub over: Signal<Out, Bit>,
    /// P < 0, with them.
    pub negative: Signal<Out, Bit>,
    places_q: Reg,
    double: Wire<Local>,
    top: Wire<Local>,
    sign: Wire<Local>,
    differs: Wire<Local>,
    upper: Wire<Local>,
    coarse: Choose,
    coarse_q: Reg,
    over_q: Reg,
    negative_q: Reg,
    positive_q: Reg,
    spread: Wire<Local>,
    coarse_differs: Wire<Local>,
    by_four: Choose,
    fine: Wire<Local>,
    fine_spread: Wire<Local>,
    fine_differs: Wire<Local>,
    by_one: Choose,
    fours: Wire<Local>,
    ones: Wire<Local>,
    kept_q: Reg,
    late_over: Reg,
    late_negative: Reg,
}

impl Default for NarrowShift {
    fn default() -> Self {
        let bit = || Reg::plain(1);
        Self {
            clock: Signal::default(),
            total: Wire::new(PRODUCT_BITS),
            places: Wire::new(6),
            positive: Signal::default(),
            kept: Wire::new(KEPT_BITS),
            over: Signal::default(),
            negative: Signal::default(),
            places_q: Reg::plain(6),
            top: Wire::new(1),
            double: Wire::new(DOUBLE_BITS),
            sign: Wire::new(DOUBLE_BITS),
            differs: Wire::new(DOUBLE_BITS),
            upper: Wire::new(DOUBLE_BITS - 32),
            coarse: Choose::new(4, COARSE_BITS, 2),
            coarse_q: Reg::plain(COARSE_BITS),
            over_q: bit(),
            negative_q: bit(),
            positive_q: bit(),
            spread: Wire::new(COARSE_BITS),
            coarse_differs: Wire::new(COARSE_BITS),
            by_four: Choose::new(4, FINE_BITS, 2),
            fine: Wire::new(FINE_BITS),
            fine_spread: Wire::new(FINE_BITS),
            fine_differs: Wire::new(FINE_BITS),
            by_one: Choose::new(4, KEPT_BITS, 2),
            fours: Wire::new(2),
            ones: Wire::new(2),
            kept_q: Reg::plain(KEPT_BITS),
            late_over: bit(),
            late_negative: bit(),
        }
    }
}

impl Logic for NarrowShift {
    #[hdl_gen]
    fn update(&mut self) {
        // The sign; shift by 0, 16 or 32, and whether any bit that is lost above differs from the sign.
        self.places_q.d.next = self.places.val();
        self.double.next = unsigned_cast(self.total.val()) << 1;
        self.top.next = self.total.val().get_bits::<1>(47);
        self.sign.next = signed_cast(self.top.val());
        self.differs.next = self.double.val() ^ self.sign.val();
        self.upper.next = self.double.val().get_bits::<17>(32);
        self.coarse.index.next = self.places.val().get_bits::<2>(4);
        self.coarse.parts[0].next = self.double.val().get_bits::<25>(0);
        self.coarse.parts[1].next = self.double.val().get_bits::<25>(16);
        self.coarse.parts[2].next = signed_cast(self.upper.val());
        self.coarse.parts[3].next = signed_cast(self.upper.val());
        self.coarse_q.d.next = self.coarse.y.val();
        self.over_q.d.next = ((self.differs.val().get_bits::<7>(41).any() && !self.places.val().get_bit(5))
            || (self.differs.val().get_bits::<16>(25).any() && !self.places.val().get_bits::<2>(4).any()))
        .into();
        self.negative_q.d.next = self.top.val();
        self.positive_q.d.next = (self.total.val().any() && !self.top.val().any()).into();
        self.positive.next = self.positive_q.q.val().any();
        // Shift by 0 to 15 in two steps.
        self.spread.next = signed_cast(self.negative_q.q.val());
        self.coarse_differs.next = self.coarse_q.q.val() ^ self.spread.val();
        self.fours.next = self.places_q.q.val().get_bits::<2>(2);
        self.by_four.index.next = self.fours.val();
        for i in 0..4 {
            self.by_four.parts[i].next = self.coarse_q.q.val().get_bits::<13>(4 * i);
        }
        self.fine.next = self.by_four.y.val();
        self.fine_spread.next = signed_cast(self.negative_q.q.val());
        self.fine_differs.next = self.fine.val() ^ self.fine_spread.val();
        self.ones.next = self.places_q.q.val().get_bits::<2>(0);
        self.by_one.index.next = self.ones.val();
        for i in 0..4 {
            self.by_one.parts[i].next = self.fine.val().get_bits::<10>(i);
        }
        self.kept_q.d.next = self.by_one.y.val();
        self.late_over.d.next = (self.over_q.q.val().any()
            || (self.coarse_differs.val().get_bits::<4>(21).any() && (self.fours.val() != 3))
            || (self.coarse_differs.val().get_bits::<4>(17).any() && (self.fours.val() < 2))
            || (self.coarse_differs.val().get_bits::<4>(13).any() && (self.fours.val() == 0))
            || self.fine_differs.val().get_bit(12)
            || (self.fine_differs.val().get_bit(11) && (self.ones.val() != 3))
            || (self.fine_differs.val().get_bit(10) && (self.ones.val() < 2))
            || (self.fine_differs.val().get_bit(9) && (self.ones.val() == 0)))
            .into();
        self.late_negative.d.next = self.negative_q.q.val();
        self.kept.next = self.kept_q.q.val();
        self.over.next = self.late_over.q.val().any();
        self.negative.next = self.late_negative.q.val().any();
    }
}
