//! One dot-product column: K lanes, adder tree, accumulator with digit shift, drain register.

use cbp_isa::Config;

use super::lane::{Lane, product_bits};
use super::tree::AdderTree;
use crate::lang::prelude::*;

/// A column computes one output channel.
///
/// ```text
/// x[0..K] ─▶ lanes ─▶ adder tree ─▶ (+) ─▶ accumulator ─▶ drain ─▶ out
///  planes ─▶                         ▲         │ 0, or <<0, 1, 2
///                                    └─────────┘
/// ```
///
/// `first`, `shift`, `last` and `valid` arrive with the tree's sum, that is `sum_latency` cycles after the
/// activations they belong to.
#[derive(LogicBlock)]
pub struct Column {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Activations, signed.
    pub x: Vec<Wire<In>>,
    /// Weight codes: bit k of plane p is bit p of lane k's code.
    pub planes: Vec<Wire<In>>,
    /// The sum counts.
    pub valid: Signal<In, Bit>,
    /// The accumulator starts from 0.
    pub first: Signal<In, Bit>,
    /// Places by which the accumulator moves up first.
    pub shift: Wire<In>,
    /// The result goes to the drain register.
    pub last: Signal<In, Bit>,
    /// Drain register, signed.
    pub out: Wire<Out>,
    lane: Vec<Lane>,
    tree: AdderTree,
    start: Wire<Local>,
    sum: Wire<Local>,
    accumulator: Reg,
    drain: Reg,
    lanes: Const,
    code_bits: Const,
}

/// Cycles from activations at a column's inputs to their sum at the accumulator.
#[must_use]
pub fn sum_latency(config: &Config) -> usize {
    1 + config.lanes.ilog2() as usize
}

impl Column {
    /// The column of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let code_bits = config.weight_set.code_bits() as usize;
        let width = config.accumulator_bits;
        Self {
            clock: Signal::default(),
            x: Wire::many(config.lanes, config.activation_bits),
            planes: Wire::many(code_bits, config.lanes),
            valid: Signal::default(),
            first: Signal::default(),
            shift: Wire::new(2),
            last: Signal::default(),
            out: Wire::new(width),
            lane: (0..config.lanes).map(|_| Lane::new(config.weight_set, config.activation_bits)).collect(),
            tree: AdderTree::new(config.lanes, product_bits(config.weight_set, config.activation_bits)),
            start: Wire::new(width),
            sum: Wire::new(width),
            accumulator: Reg::plain(width),
            drain: Reg::plain(width),
            lanes: config.lanes.into(),
            code_bits: code_bits.into(),
        }
    }
}

impl Logic for Column {
    #[hdl_gen]
    fn update(&mut self) {
        for k in 0..self.lanes.value {
            self.lane[k].x.next = self.x[k].val();
            for p in 0..self.code_bits.value {
                self.lane[k].code[p].next = self.planes[p].val().get_bit(k);
            }
            self.tree.x[k].next = self.lane[k].product.val();
        }
        self.start.next = self.accumulator.q.val() << self.shift.val();
        if self.first.val() {
            self.start.next = 0.into();
        }
        self.sum.next = signed_cast(self.tree.sum.val());
        if self.valid.val() {
            self.accumulator.d.next = self.start.val() + self.sum.val();
        }
        if self.last.val() {
            self.drain.d.next = self.start.val() + self.sum.val();
        }
        self.out.next = self.drain.q.val();
    }
}
