//! One dot-product column: chains of lanes, adder tree, accumulator with digit shift, drain register.

use cbp_isa::Config;
use cbp_isa::weight_code::chain_lanes;

use super::accumulator::{Accumulator, START_BITS};
use super::chain::Chain;
use super::shape::Shape;
use super::tree::SignTree;
use super::wait::Wait;
use crate::lang::arith::{Concat, Pick};
use crate::lang::prelude::*;

/// A column computes one output channel.
///
/// ```text
/// operands ─▶ chains ─▶ adder tree ─▶ accumulator ─▶ drain ─▶ out
///   planes ─▶
/// ```
///
/// `start`, `last` and `valid` arrive with the tree's sum.
#[derive(LogicBlock)]
pub struct Column {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Operands of the units, from `Operands`.
    pub operand: Vec<Wire<In>>,
    /// Weight codes: bit k of plane p is bit p of lane k's code.
    pub planes: Vec<Wire<In>>,
    /// The sum counts.
    pub valid: Signal<In, Bit>,
    /// Where the accumulator starts, as for `Accumulator`.
    pub start: Wire<In>,
    /// The result goes to the drain register.
    pub last: Signal<In, Bit>,
    /// Drain register, signed.
    pub out: Wire<Out>,
    code: Vec<Concat>,
    chain: Vec<Chain>,
    node_signs: Vec<Pick>,
    tree: SignTree,
    lane_sign: Wait,
    accumulator: Accumulator,
    chains: Const,
    units: Const,
    chain_operands: Const,
    bits: Const,
    each: Const,
    nodes: Const,
    sign: Const,
}

impl Column {
    /// The column of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let shape = Shape::new(config);
        let code_bits = config.weight_set.code_bits() as usize;
        let (chains, units) = (shape.chains(), shape.chain_units());
        let sign_of = |node| {
            let lane = SignTree::second_operand(chains, node) * chain_lanes(config.weight_set);
            Pick::new(config.lanes, lane, 1)
        };
        Self {
            clock: Signal::default(),
            operand: Wire::many(config.lanes, shape.operand_bits()),
            planes: Wire::many(code_bits, config.lanes),
            valid: Signal::default(),
            start: Wire::new(START_BITS),
            last: Signal::default(),
            out: Wire::new(config.accumulator_bits),
            code: (0..chains * units).map(|_| Concat::new(shape.unit_code_bits(), 1)).collect(),
            chain: (0..chains).map(|c| Chain::new(&shape, c == 0)).collect(),
            node_signs: (0..chains - 1).map(sign_of).collect(),
            tree: SignTree::new(&shape),
            lane_sign: Wait::new(1, shape.latency()),
            accumulator: Accumulator::new(shape.sum_bits(chains * units), config.accumulator_bits),
            chains: chains.into(),
            units: units.into(),
            chain_operands: (units * shape.unit_operands()).into(),
            bits: code_bits.into(),
            each: shape.unit_lanes().into(),
            nodes: (chains - 1).into(),
            sign: (code_bits - 1).into(),
        }
    }
}

impl Logic for Column {
    #[hdl_gen]
    fn update(&mut self) {
        for c in 0..self.chains.value {
            for u in 0..self.units.value {
                for k in 0..self.each.value {
                    for p in 0..self.bits.value {
                        self.code[c * self.units.value + u].parts[k * self.bits.value + p].next = self.planes
                            [p]
                            .val()
                            .get_bits::<1>((c * self.units.value + u) * self.each.value + k);
                    }
                }
                self.chain[c].code[u].next = self.code[c * self.units.value + u].y.val();
            }
            for i in 0..self.chain_operands.value {
                self.chain[c].operand[i].next = self.operand[c * self.chain_operands.value + i].val();
            }
            self.tree.x[c].next = self.chain[c].sum.val();
        }
        for i in 0..self.nodes.value {
            self.node_signs[i].x.next = self.planes[self.sign.value].val();
            self.tree.signs[i].next = self.node_signs[i].y.val();
        }
        self.lane_sign.x.next = self.planes[self.sign.value].val().get_bits::<1>(0);
        self.accumulator.sum.next = self.tree.sum.val();
        self.accumulator.carry.next = self.lane_sign.y.val().any();
        self.accumulator.valid.next = self.valid.val();
        self.accumulator.start.next = self.start.val();
        self.accumulator.last.next = self.last.val();
        self.out.next = self.accumulator.out.val();
    }
}
