//! One post-processing lane: requantises one accumulator a cycle.

use crate::lang::arith::{Concat, LessSigned, MultiplySigned, ShiftRightSigned};
use crate::lang::prelude::*;
use crate::parts::decode::decoder;
use cbp_isa::parameters::{PARAMETER_BYTES, parameter};

decoder!(
    /// The fields of a parameter record.
    ParameterFields, parameter::FIELDS, 8 * PARAMETER_BYTES, bias, multiplier, shift, residual_multiplier,
);

/// Cycles from `acc` and `record` to `value` and `raw`.
pub const PPU_LATENCY: usize = 6;
/// Cycles from `acc` and `record` to `positive`.
pub const SIGN_LATENCY: usize = 5;
/// Cycles from `acc` and `record` until `lo`, `hi` and `z_out` are used.
pub const CLAMP_LATENCY: usize = 5;

/// Bits of P = acc·m + B + r·R, by the numerics contract.
const PRODUCT_BITS: usize = 48;
/// R is multiplied in two parts that fit the signed multipliers of FPGAs: this many bits, and the bits above.
const LOW_BITS: usize = 24;
/// Bits of P >> (s − 1) that decide: when it needs more, the result lies beyond every clamp, whatever z is.
const KEPT_BITS: usize = 10;

/// `value` = clamp(((P + 2^(s−1)) >> s) + z, lo, hi) with P = acc·m + B + r·R, in six registered stages.
///
/// ```text
/// acc ─┬─▶ ×m ─▶ +B ─▶ + ─┬─▶ >>(s-1) ─▶ +2z+1, >>1, clamp ─▶ value
///   r ─┼─▶ ×R ────────▶┘  └─▶ P > 0 ───────────────────────▶ positive
///      └───────────────────────────────────────────────────▶ raw
/// ```
///
/// Rounding needs no adder of its own: (P + 2^(s−1)) >> s = ((P >> (s−1)) + 1) >> 1. Nor does the zero point:
/// ((t + 1) >> 1) + z = (t + 2z + 1) >> 1.
#[derive(LogicBlock)]
pub struct PpuLane {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Accumulator, signed.
    pub acc: Wire<In>,
    /// Residual operand r, signed; with `acc`.
    pub residual: Wire<In>,
    /// Parameter record of the channel.
    pub record: Wire<In>,
    /// Lower clamp, signed; arrives later by [`CLAMP_LATENCY`].
    pub lo: Wire<In>,
    /// Upper clamp, signed; with `lo`.
    pub hi: Wire<In>,
    /// Zero point, signed; with `lo`.
    pub z_out: Wire<In>,
    /// The 8-bit result.
    pub value: Wire<Out>,
    /// P > 0, one cycle before `value`.
    pub positive: Signal<Out, Bit>,
    /// The accumulator, with `value`.
    pub raw: Wire<Out>,
    fields: ParameterFields,
    accs: Vec<Reg>,
    multiplier1: Reg,
    bias1: Reg,
    bias2: Reg,
    residual1: Reg,
    factor1: Reg,
    shift1: Reg,
    shift2: Reg,
    shift3: Reg,
    shift4: Reg,
    multiply: MultiplySigned,
    multiply_low: MultiplySigned,
    multiply_high: MultiplySigned,
    product2: Reg,
    low2: Reg,
    high2: Reg,
    sum3: Reg,
    carried: Wire<Local>,
    residual_sum: Concat,
    residual3: Reg,
    total4: Reg,
    total: Wire<Local>,
    top: Wire<Local>,
    sign: Wire<Local>,
    magnitude: Wire<Local>,
    too_large: Wire<Local>,
    places: ShiftRightSigned,
    shifted5: Reg,
    over5: Reg,
    negative5: Reg,
    positive5: Reg,
    value6: Reg,
    wide: Wire<Local>,
    zero_point: Wire<Local>,
    twice: Wire<Local>,
    summed: Wire<Local>,
    moved: Wire<Local>,
    low: Wire<Local>,
    high: Wire<Local>,
    shifted: Wire<Local>,
    kept: Wire<Local>,
    below: LessSigned,
    above: LessSigned,
    all_ones: Const,
}

/// Bits of a kept value and 2z + 1 together.
const WIDE: usize = KEPT_BITS + 1;

impl PpuLane {
    /// A lane for accumulators of `accumulator_bits`.
    #[must_use]
    pub fn new(accumulator_bits: usize) -> Self {
        let high_bits = parameter::RESIDUAL_MULTIPLIER.width - LOW_BITS;
        let whole = || Reg::plain(PRODUCT_BITS);
        let places = || Reg::plain(6);
        Self {
            clock: Signal::default(),
            acc: Wire::new(accumulator_bits),
            residual: Wire::new(8),
            record: Wire::new(8 * PARAMETER_BYTES),
            lo: Wire::new(8),
            hi: Wire::new(8),
            z_out: Wire::new(8),
            value: Wire::new(8),
            positive: Signal::default(),
            raw: Wire::new(accumulator_bits),
            fields: ParameterFields::default(),
            accs: Reg::many(PPU_LATENCY, accumulator_bits),
            multiplier1: Reg::plain(16),
            bias1: whole(),
            bias2: whole(),
            residual1: Reg::plain(8),
            factor1: Reg::plain(parameter::RESIDUAL_MULTIPLIER.width),
            shift1: places(),
            shift2: places(),
            shift3: places(),
            shift4: places(),
            multiply: MultiplySigned::new(accumulator_bits, 16),
            multiply_low: MultiplySigned::new(LOW_BITS + 1, 8),
            multiply_high: MultiplySigned::new(high_bits, 8),
            product2: whole(),
            low2: Reg::plain(LOW_BITS + 9),
            high2: Reg::plain(high_bits + 8),
            sum3: whole(),
            carried: Wire::new(9),
            residual_sum: Concat::new(2, PRODUCT_BITS / 2),
            residual3: whole(),
            total4: whole(),
            total: Wire::new(PRODUCT_BITS),
            top: Wire::new(1),
            sign: Wire::new(PRODUCT_BITS),
            magnitude: Wire::new(PRODUCT_BITS),
            too_large: Wire::new(PRODUCT_BITS),
            places: ShiftRightSigned::new(PRODUCT_BITS, 6),
            shifted5: Reg::plain(KEPT_BITS),
            over5: Reg::plain(1),
            negative5: Reg::plain(1),
            positive5: Reg::plain(1),
            value6: Reg::plain(8),
            wide: Wire::new(WIDE),
            zero_point: Wire::new(WIDE),
            twice: Wire::new(WIDE),
            summed: Wire::new(WIDE),
            moved: Wire::new(KEPT_BITS),
            low: Wire::new(KEPT_BITS),
            high: Wire::new(KEPT_BITS),
            shifted: Wire::new(PRODUCT_BITS),
            kept: Wire::new(KEPT_BITS),
            below: LessSigned::new(KEPT_BITS),
            above: LessSigned::new(KEPT_BITS),
            all_ones: (usize::MAX >> (usize::BITS as usize - PRODUCT_BITS)).into(),
        }
    }
}

impl Logic for PpuLane {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.record.val();
        // 1: operands.
        self.accs[0].d.next = self.acc.val();
        for i in 0..5 {
            self.accs[i + 1].d.next = self.accs[i].q.val();
        }
        self.raw.next = self.accs[5].q.val();
        self.multiplier1.d.next = self.fields.multiplier.val();
        self.bias1.d.next = self.fields.bias.val();
        self.residual1.d.next = self.residual.val();
        self.factor1.d.next = self.fields.residual_multiplier.val();
        self.shift1.d.next = self.fields.shift.val() - 1;
        // 2: products; the lower part of R counts up from 0, the upper part has the sign.
        self.multiply.a.next = self.accs[0].q.val();
        self.multiply.b.next = self.multiplier1.q.val();
        self.product2.d.next = self.multiply.y.val();
        self.multiply_low.a.next = unsigned_cast(self.factor1.q.val().get_bits::<24>(0));
        self.multiply_low.b.next = self.residual1.q.val();
        self.low2.d.next = self.multiply_low.y.val();
        self.multiply_high.a.next = self.factor1.q.val().get_bits::<16>(24);
        self.multiply_high.b.next = self.residual1.q.val();
        self.high2.d.next = self.multiply_high.y.val();
        self.bias2.d.next = self.bias1.q.val();
        self.shift2.d.next = self.shift1.q.val();
        // 3: acc·m + B, and r·R.
        self.sum3.d.next = self.product2.q.val() + self.bias2.q.val();
        self.carried.next = self.low2.q.val().get_bits::<9>(24);
        self.residual_sum.parts[0].next = self.low2.q.val().get_bits::<24>(0);
        self.residual_sum.parts[1].next = self.high2.q.val() + signed_cast(self.carried.val());
        self.residual3.d.next = self.residual_sum.y.val();
        self.shift3.d.next = self.shift2.q.val();
        // 4: P.
        self.total4.d.next = self.sum3.q.val() + self.residual3.q.val();
        self.shift4.d.next = self.shift3.q.val();
        // 5: shift, sign, and whether any bit above those kept differs from the sign.
        self.total.next = self.total4.q.val();
        self.top.next = self.total.val().get_bits::<1>(47);
        self.sign.next = signed_cast(self.top.val());
        self.magnitude.next = self.total.val() ^ self.sign.val();
        self.too_large.next = self.magnitude.val() & ((self.all_ones.val() << self.shift4.q.val()) << 9);
        self.places.a.next = self.total.val();
        self.places.amount.next = self.shift4.q.val();
        self.shifted.next = self.places.y.val();
        self.shifted5.d.next = self.shifted.val().get_bits::<10>(0);
        self.over5.d.next = self.too_large.val().any().into();
        self.negative5.d.next = self.top.val();
        self.positive5.d.next = (self.total.val().any() && !self.top.val().any()).into();
        self.positive.next = self.positive5.q.val().any();
        // 6: round, zero point, clamp.
        self.kept.next = self.shifted5.q.val();
        self.wide.next = signed_cast(self.kept.val());
        self.zero_point.next = signed_cast(self.z_out.val());
        self.twice.next = (self.zero_point.val() << 1) | 1;
        self.summed.next = self.wide.val() + self.twice.val();
        self.moved.next = self.summed.val().get_bits::<10>(1);
        self.low.next = signed_cast(self.lo.val());
        self.high.next = signed_cast(self.hi.val());
        self.below.a.next = self.moved.val();
        self.below.b.next = self.low.val();
        self.above.a.next = self.high.val();
        self.above.b.next = self.moved.val();
        self.value6.d.next = bits_resize(self.moved.val(), 8);
        if (self.below.y.val() && !self.over5.q.val().any())
            || (self.over5.q.val().any() && self.negative5.q.val().any())
        {
            self.value6.d.next = self.lo.val();
        }
        if (self.above.y.val() && !self.over5.q.val().any())
            || (self.over5.q.val().any() && !self.negative5.q.val().any())
        {
            self.value6.d.next = self.hi.val();
        }
        self.value.next = self.value6.q.val();
    }
}
