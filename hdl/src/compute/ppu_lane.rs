//! One post-processing lane: requantises one accumulator a cycle.

use crate::lang::arith::{LessSigned, MultiplySigned, ShiftRightSigned};
use crate::lang::prelude::*;
use crate::parts::decode::decoder;
use cbp_isa::parameters::{PARAMETER_BYTES, parameter};

decoder!(
    /// The fields of a parameter record.
    ParameterFields, parameter::FIELDS, 8 * PARAMETER_BYTES, bias, multiplier, shift,
);

/// Cycles from `acc` and `record` to `value` and `raw`.
pub const PPU_LATENCY: usize = 6;
/// Cycles from `acc` and `record` to `positive`.
pub const SIGN_LATENCY: usize = 4;
/// Cycles from `acc` and `record` until `lo`, `hi` and `z_out` are used.
pub const CLAMP_LATENCY: usize = 5;

/// Bits of P = acc·m + B, by the numerics contract.
const PRODUCT_BITS: usize = 48;

/// `value` = clamp(((P + 2^(s−1)) >> s) + z, lo, hi) with P = acc·m + B, in six registered stages.
///
/// ```text
/// acc ─┬─▶ ×m ─▶ +B ─▶ +2^(s-1) ─▶ >>s ─▶ +z, clamp ─▶ value
///      │              └─▶ P > 0 ─▶ positive
///      └───────────────────────────────────────────▶ raw
/// ```
#[derive(LogicBlock)]
pub struct PpuLane {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Accumulator, signed.
    pub acc: Wire<In>,
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
    acc1: Reg,
    acc2: Reg,
    acc3: Reg,
    acc4: Reg,
    acc5: Reg,
    acc6: Reg,
    multiplier1: Reg,
    bias1: Reg,
    bias2: Reg,
    shift1: Reg,
    shift2: Reg,
    shift3: Reg,
    shift4: Reg,
    multiply: MultiplySigned,
    product2: Reg,
    sum3: Reg,
    rounded4: Reg,
    positive4: Reg,
    places: ShiftRightSigned,
    shifted5: Reg,
    value6: Reg,
    sum: Wire<Local>,
    wide: Wire<Local>,
    one: Wire<Local>,
    half: Wire<Local>,
    moved: Wire<Local>,
    zero_point: Wire<Local>,
    result: Wire<Local>,
    low: Wire<Local>,
    high: Wire<Local>,
    below: LessSigned,
    above: LessSigned,
}

/// One bit more than P, so that rounding cannot wrap, and one more for the zero point.
const WIDE: usize = PRODUCT_BITS + 2;

impl PpuLane {
    /// A lane for accumulators of `accumulator_bits`.
    #[must_use]
    pub fn new(accumulator_bits: usize) -> Self {
        let acc = || Reg::plain(accumulator_bits);
        Self {
            clock: Signal::default(),
            acc: Wire::new(accumulator_bits),
            record: Wire::new(8 * PARAMETER_BYTES),
            lo: Wire::new(8),
            hi: Wire::new(8),
            z_out: Wire::new(8),
            value: Wire::new(8),
            positive: Signal::default(),
            raw: Wire::new(accumulator_bits),
            fields: ParameterFields::default(),
            acc1: acc(),
            acc2: acc(),
            acc3: acc(),
            acc4: acc(),
            acc5: acc(),
            acc6: acc(),
            multiplier1: Reg::plain(16),
            bias1: Reg::plain(PRODUCT_BITS),
            bias2: Reg::plain(PRODUCT_BITS),
            shift1: Reg::plain(6),
            shift2: Reg::plain(6),
            shift3: Reg::plain(6),
            shift4: Reg::plain(6),
            multiply: MultiplySigned::new(accumulator_bits, 16),
            product2: Reg::plain(PRODUCT_BITS),
            sum3: Reg::plain(PRODUCT_BITS),
            rounded4: Reg::plain(WIDE),
            positive4: Reg::plain(1),
            places: ShiftRightSigned::new(WIDE, 6),
            shifted5: Reg::plain(WIDE),
            value6: Reg::plain(8),
            sum: Wire::new(PRODUCT_BITS),
            wide: Wire::new(WIDE),
            one: Wire::new(WIDE),
            half: Wire::new(WIDE),
            moved: Wire::new(WIDE),
            zero_point: Wire::new(WIDE),
            result: Wire::new(8),
            low: Wire::new(WIDE),
            high: Wire::new(WIDE),
            below: LessSigned::new(WIDE),
            above: LessSigned::new(WIDE),
        }
    }
}

impl Logic for PpuLane {
    #[hdl_gen]
    fn update(&mut self) {
        self.fields.word.next = self.record.val();
        // 1: operands.
        self.acc1.d.next = self.acc.val();
        self.multiplier1.d.next = self.fields.multiplier.val();
        self.bias1.d.next = self.fields.bias.val();
        self.shift1.d.next = self.fields.shift.val();
        // 2: product.
        self.multiply.a.next = self.acc1.q.val();
        self.multiply.b.next = self.multiplier1.q.val();
        self.product2.d.next = self.multiply.y.val();
        self.acc2.d.next = self.acc1.q.val();
        self.bias2.d.next = self.bias1.q.val();
        self.shift2.d.next = self.shift1.q.val();
        // 3: P.
        self.sum3.d.next = self.product2.q.val() + self.bias2.q.val();
        self.acc3.d.next = self.acc2.q.val();
        self.shift3.d.next = self.shift2.q.val();
        // 4: half a unit, and the sign.
        self.sum.next = self.sum3.q.val();
        self.wide.next = signed_cast(self.sum.val());
        self.one.next = 1.into();
        self.half.next = (self.one.val() << self.shift3.q.val()) >> 1;
        self.rounded4.d.next = self.wide.val() + self.half.val();
        self.positive4.d.next = (self.sum.val().any() && !self.sum.val().get_bit(47)).into();
        self.positive.next = self.positive4.q.val().any();
        self.acc4.d.next = self.acc3.q.val();
        self.shift4.d.next = self.shift3.q.val();
        // 5: shift.
        self.places.a.next = self.rounded4.q.val();
        self.places.amount.next = self.shift4.q.val();
        self.shifted5.d.next = self.places.y.val();
        self.acc5.d.next = self.acc4.q.val();
        // 6: zero point and clamp, at full width.
        self.zero_point.next = signed_cast(self.z_out.val());
        self.low.next = signed_cast(self.lo.val());
        self.high.next = signed_cast(self.hi.val());
        self.moved.next = self.shifted5.q.val() + self.zero_point.val();
        self.below.a.next = self.moved.val();
        self.below.b.next = self.low.val();
        self.above.a.next = self.high.val();
        self.above.b.next = self.moved.val();
        self.result.next = bits_resize(self.moved.val(), 8);
        if self.below.y.val() {
            self.result.next = self.lo.val();
        }
        if self.above.y.val() {
            self.result.next = self.hi.val();
        }
        self.value6.d.next = self.result.val();
        self.acc6.d.next = self.acc5.q.val();
        self.value.next = self.value6.q.val();
        self.raw.next = self.acc6.q.val();
    }
}
