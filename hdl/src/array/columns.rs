//! The array: what the columns share, and the columns.

use cbp_isa::Config;

use super::accumulator::START_BITS;
use super::column::Column;
use super::operands::Operands;
use super::shape::Shape;
use crate::lang::prelude::*;

/// N dot-product columns of K lanes.
///
/// `valid`, `first`, `shift` and `last` belong to the activations that came [`sum_latency`] cycles before them.
#[derive(LogicBlock)]
pub struct Array {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget the results under way.
    pub reset: Signal<In, Bit>,
    /// Activations, signed.
    pub x: Vec<Wire<In>>,
    /// Weight codes: bit k of plane n·`code_bits` + p is bit p of the code of lane k in column n.
    pub planes: Vec<Wire<In>>,
    /// The sum counts.
    pub valid: Signal<In, Bit>,
    /// The accumulator starts from 0.
    pub first: Signal<In, Bit>,
    /// Places by which the accumulator moves up first: 0, 1 or 2.
    pub shift: Wire<In>,
    /// The result goes to the drain registers.
    pub last: Signal<In, Bit>,
    /// The drain registers have a new result in this cycle.
    pub drained: Signal<Out, Bit>,
    /// Drain registers, signed.
    pub out: Vec<Wire<Out>>,
    operands: Operands,
    column: Vec<Column>,
    start: Reg,
    counts: Dff<Bit>,
    ends: Dff<Bit>,
    ended: Dff<Bit>,
    lanes: Const,
    columns: Const,
    code_bits: Const,
}

/// Cycles from activations at the array's inputs to `valid`, `first`, `shift` and `last` of their sum; the
/// array registers these, so that the sum meets them one cycle later.
#[must_use]
pub fn sum_latency(config: &Config) -> usize {
    Shape::new(config).latency() - 1
}

impl Array {
    /// The array of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let code_bits = config.weight_set.code_bits() as usize;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            x: Wire::many(config.lanes, config.activation_bits),
            planes: Wire::many(config.columns * code_bits, config.lanes),
            valid: Signal::default(),
            first: Signal::default(),
            shift: Wire::new(2),
            last: Signal::default(),
            drained: Signal::default(),
            out: Wire::many(config.columns, config.accumulator_bits),
            operands: Operands::new(&Shape::new(config)),
            column: (0..config.columns).map(|_| Column::new(config)).collect(),
            start: Reg::plain(START_BITS),
            counts: Dff::default(),
            ends: Dff::default(),
            ended: Dff::default(),
            lanes: config.lanes.into(),
            columns: config.columns.into(),
            code_bits: code_bits.into(),
        }
    }
}

impl Logic for Array {
    #[hdl_gen]
    fn update(&mut self) {
        self.start.d.next = self.shift.val() + 1;
        if self.first.val() {
            self.start.d.next = 0.into();
        }
        self.counts.d.next = self.valid.val();
        self.ends.d.next = self.last.val();
        self.ended.d.next = self.ends.q.val();
        self.drained.next = self.ended.q.val();
        for k in 0..self.lanes.value {
            self.operands.x[k].next = self.x[k].val();
        }
        for n in 0..self.columns.value {
            for k in 0..self.lanes.value {
                self.column[n].operand[k].next = self.operands.operand[k].val();
            }
            for p in 0..self.code_bits.value {
                self.column[n].planes[p].next = self.planes[n * self.code_bits.value + p].val();
            }
            self.column[n].start.next = self.start.q.val();
            self.column[n].valid.next = self.counts.q.val();
            self.column[n].last.next = self.ends.q.val();
            self.out[n].next = self.column[n].out.val();
        }
    }
}
