//! One post-processing lane: requantises one accumulator a cycle.

use super::narrow_shift::{KEPT_BITS, NarrowShift, PRODUCT_BITS};
use crate::lang::arith::{Concat, LessSigned, MultiplySigned};
use crate::lang::prelude::*;
use crate::parts::decode::decoder;
use cbp_isa::parameters::{PARAMETER_BYTES, parameter};

decoder!(
    /// The fields of a parameter record.
    ParameterFields, parameter::FIELDS, 8 * PARAMETER_BYTES, bias, multiplier, shift, residual_multiplier,
);

/// Cycles from `acc` and `record` to `value` and `raw`.
pub const PPU_LATENCY: usize = 9;
/// Cycles from `acc` and `record` to `positive`.
pub const SIGN_LATENCY: usize = 7;
/// Cycles from `acc` and `record` until `lo`, `hi` and `z_out` are used.
pub const CLAMP_LATENCY: usize = 8;

/// Factors are multiplied in two parts, of this many bits and the bits above: what the signed multipliers of FPGAs
/// take, with a register and an adder behind each.
const LOW_BITS: usize = 24;
/// `value` = clamp(((P + 2^(s−1)) >> s) + z, lo, hi) with P = acc·m + B + r·R, in nine registered stages.
///
/// ```text
///      B ─▶ +         ┌─▶ P > 0 ──────────────────────────────▶ positive
/// acc ─┬─▶ ×m ─▶ + ─▶ + ─▶ >>16, 32 ─▶ >>1…15 ─▶ +2z+1, >>1, clamp ─▶ value
///   r ─┼─▶ ×R ───────┘
///      └──────────────────────────────────────────────────────▶ raw
/// ```
///
/// Rounding needs no adder of its own: (P + 2^(s−1)) >> s = ((2P >> s) + 1) >> 1. Nor does the zero point:
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
    /// P > 0, two cycles before `value`.
    pub positive: Signal<Out, Bit>,
    /// The accumulator, with `value`.
    pub raw: Wire<Out>,
    fields: ParameterFields,
    accs: Vec<Reg>,
    multiplier: Vec<Reg>,
    bias: Vec<Reg>,
    residuals: Vec<Reg>,
    factor: Vec<Reg>,
    shifts: Vec<Reg>,
    acc_low: MultiplySigned,
    acc_high: MultiplySigned,
    residual_low: MultiplySigned,
    residual_high: MultiplySigned,
    acc_low2: Reg,
    acc_high3: Reg,
    residual_low4: Reg,
    residual_high5: Reg,
    wide3: Wire<Local>,
    low3: Reg,
    high4: Reg,
    bits4: Reg,
    sum4: Concat,
    wide5: Wire<Local>,
    low5: Reg,
    high6: Reg,
    bits6: Reg,
    sum6: Concat,
    shift: NarrowShift,
    kept: Wire<Local>,
    wide: Wire<Local>,
    zero_point: Wire<Local>,
    twice: Wire<Local>,
    summed: Wire<Local>,
    moved: Wire<Local>,
    low: Wire<Local>,
    high: Wire<Local>,
    below: LessSigned,
    above: LessSigned,
    value8: Reg,
}

/// Bits of a kept value and 2z + 1 together.
const WIDE: usize = KEPT_BITS + 1;

impl PpuLane {
    /// A lane for accumulators of `accumulator_bits`.
    #[must_use]
    pub fn new(accumulator_bits: usize) -> Self {
        let high_bits = parameter::RESIDUAL_MULTIPLIER.width - LOW_BITS;
        let (whole, half) = (PRODUCT_BITS, PRODUCT_BITS / 2);
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
            multiplier: Reg::many(2, 16),
            bias: Reg::many(2, whole),
            residuals: Reg::many(4, 8),
            factor: Reg::many(4, parameter::RESIDUAL_MULTIPLIER.width),
            shifts: Reg::many(6, 6),
            acc_low: MultiplySigned::new(LOW_BITS + 1, 16),
            acc_high: MultiplySigned::new(accumulator_bits - LOW_BITS, 16),
            residual_low: MultiplySigned::new(LOW_BITS + 1, 8),
            residual_high: MultiplySigned::new(high_bits, 8),
            acc_low2: Reg::plain(LOW_BITS + 17),
            acc_high3: Reg::plain(half),
            residual_low4: Reg::plain(LOW_BITS + 9),
            residual_high5: Reg::plain(half),
            wide3: Wire::new(whole),
            low3: Reg::plain(whole),
            high4: Reg::plain(half),
            bits4: Reg::plain(half),
            sum4: Concat::new(2, half),
            wide5: Wire::new(whole),
            low5: Reg::plain(whole),
            high6: Reg::plain(half),
            bits6: Reg::plain(half),
            sum6: Concat::new(2, half),
            shift: NarrowShift::default(),
            kept: Wire::new(KEPT_BITS),
            wide: Wire::new(WIDE),
            zero_point: Wire::new(WIDE),
            twice: Wire::new(WIDE),
            summed: Wire::new(WIDE),
            moved: Wire::new(KEPT_BITS),
            low: Wire::new(KEPT_BITS),
            high: Wire::new(KEPT_BITS),
            below: LessSigned::new(KEPT_BITS),
            above: LessSigned::new(KEPT_BITS),
            value8: Reg::plain(8),
        }
    }
}

impl Logic for PpuLane {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.record.val();
        // 1: operands; what is used later waits.
        self.accs[0].d.next = self.acc.val();
        for i in 0..8 {
            self.accs[i + 1].d.next = self.accs[i].q.val();
        }
        self.raw.next = self.accs[8].q.val();
        self.multiplier[0].d.next = self.fields.multiplier.val();
        self.multiplier[1].d.next = self.multiplier[0].q.val();
        self.bias[0].d.next = self.fields.bias.val();
        self.bias[1].d.next = self.bias[0].q.val();
        self.residuals[0].d.next = self.residual.val();
        self.factor[0].d.next = self.fields.residual_multiplier.val();
        for i in 0..3 {
            self.residuals[i + 1].d.next = self.residuals[i].q.val();
            self.factor[i + 1].d.next = self.factor[i].q.val();
        }
        self.shifts[0].d.next = self.fields.shift.val();
        for i in 0..5 {
            self.shifts[i + 1].d.next = self.shifts[i].q.val();
        }
        // 2, 3, 4: acc·m + B; lower parts count up from 0, upper parts have the sign.
        self.acc_low.a.next = unsigned_cast(self.accs[0].q.val().get_bits::<24>(0));
        self.acc_low.b.next = self.multiplier[0].q.val();
        self.acc_low2.d.next = self.acc_low.y.val();
        self.acc_high.a.next = self.accs[1].q.val().get_bits::<8>(24);
        self.acc_high.b.next = self.multiplier[1].q.val();
        self.acc_high3.d.next = self.acc_high.y.val();
        self.wide3.next = signed_cast(self.acc_low2.q.val());
        self.low3.d.next = self.wide3.val() + self.bias[1].q.val();
        self.high4.d.next = self.acc_high3.q.val() + self.low3.q.val().get_bits::<24>(24);
        self.bits4.d.next = self.low3.q.val().get_bits::<24>(0);
        self.sum4.parts[0].next = self.bits4.q.val();
        self.sum4.parts[1].next = self.high4.q.val();
        // 4, 5, 6: + r·R.
        self.residual_low.a.next = unsigned_cast(self.factor[2].q.val().get_bits::<24>(0));
        self.residual_low.b.next = self.residuals[2].q.val();
        self.residual_low4.d.next = self.residual_low.y.val();
        self.residual_high.a.next = self.factor[3].q.val().get_bits::<16>(24);
        self.residual_high.b.next = self.residuals[3].q.val();
        self.residual_high5.d.next = self.residual_high.y.val();
        self.wide5.next = signed_cast(self.residual_low4.q.val());
        self.low5.d.next = self.wide5.val() + self.sum4.y.val();
        self.high6.d.next = self.residual_high5.q.val() + self.low5.q.val().get_bits::<24>(24);
        self.bits6.d.next = self.low5.q.val().get_bits::<24>(0);
        self.sum6.parts[0].next = self.bits6.q.val();
        self.sum6.parts[1].next = self.high6.q.val();
        // 7, 8: shift.
        self.shift.total.next = self.sum6.y.val();
        self.shift.places.next = self.shifts[5].q.val();
        self.positive.next = self.shift.positive.val();
        // 9: round, zero point, clamp.
        self.kept.next = self.shift.kept.val();
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
        self.value8.d.next = bits_resize(self.moved.val(), 8);
        if self.below.y.val() && !self.shift.over.val() {
            self.value8.d.next = self.lo.val();
        }
        if self.above.y.val() && !self.shift.over.val() {
            self.value8.d.next = self.hi.val();
        }
        if self.shift.over.val() {
            self.value8.d.next = self.hi.val();
            if self.shift.negative.val() {
                self.value8.d.next = self.lo.val();
            }
        }
        self.value.next = self.value8.q.val();
    }
}
