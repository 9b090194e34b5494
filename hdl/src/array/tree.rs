//! The adder tree of a column: every level one bit wider and registered.

use super::shape::Shape;
use super::wait::Wait;
use crate::lang::adder::SignedAdder;
use crate::lang::prelude::*;

/// An adder of the tree with the sign of its second operand.
#[derive(LogicBlock)]
pub struct Node {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// First operand, signed.
    pub a: Wire<In>,
    /// Second operand, signed.
    pub b: Wire<In>,
    /// Its sign, as it left the weight buffer.
    pub sign: Wire<In>,
    /// a ± b, one cycle later.
    pub sum: Wire<Out>,
    wait: Wait,
    adder: SignedAdder,
}

impl Node {
    /// Operands of `width` bits that come `wait` cycles after their codes.
    #[must_use]
    pub fn new(width: usize, wait: usize) -> Self {
        Self {
            clock: Signal::default(),
            a: Wire::new(width),
            b: Wire::new(width),
            sign: Wire::new(1),
            sum: Wire::new(width + 1),
            wait: Wait::new(1, wait),
            adder: SignedAdder::new(width, width, width + 1),
        }
    }
}

impl Logic for Node {
    #[hdl_gen]
    fn update(&mut self) {
        self.wait.x.next = self.sign.val();
        self.adder.a.next = self.a.val();
        self.adder.b.next = self.b.val();
        self.adder.negative.next = self.wait.y.val().any();
        self.sum.next = self.adder.sum.val();
    }
}

/// Sum of the chains' sums.
///
/// The nodes form a heap: node i takes nodes 2i+1 and 2i+2; the last half takes the chains.
#[derive(LogicBlock)]
pub struct SignTree {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Sums of the chains.
    pub x: Vec<Wire<In>>,
    /// Signs of the nodes' second operands.
    pub signs: Vec<Wire<In>>,
    /// Their sum.
    pub sum: Wire<Out>,
    node: Vec<Node>,
    /// Nodes that take chains.
    leaves: Const,
    /// Nodes that take nodes.
    inner: Const,
    /// 1 if there is one chain and nothing to add.
    single: Const,
}

impl SignTree {
    /// The tree of a column.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let (chains, width) = (shape.chains(), shape.sum_bits(shape.chain_units()));
        let levels = chains.ilog2() as usize;
        let node = |i: usize| {
            let level = levels - 1 - (i + 1).ilog2() as usize;
            Node::new(width + level, shape.chain_latency() + level)
        };
        Self {
            clock: Signal::default(),
            x: Wire::many(chains, width),
            signs: Wire::many(chains - 1, 1),
            sum: Wire::new(width + levels),
            node: (0..chains - 1).map(node).collect(),
            leaves: (chains / 2).into(),
            inner: (chains / 2).saturating_sub(1).into(),
            single: usize::from(chains == 1).into(),
        }
    }

    /// The chain with whose first lane the second operand of node `i` begins.
    #[must_use]
    pub fn second_operand(chains: usize, i: usize) -> usize {
        let depth = (i + 1).ilog2();
        let place = i + 1 - (1 << depth);
        (2 * place + 1) * (chains >> (depth + 1))
    }
}

impl Logic for SignTree {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.inner.value {
            self.node[i].a.next = self.node[2 * i + 1].sum.val();
            self.node[i].b.next = self.node[2 * i + 2].sum.val();
            self.node[i].sign.next = self.signs[i].val();
        }
        for i in 0..self.leaves.value {
            self.node[i + self.inner.value].a.next = self.x[2 * i].val();
            self.node[i + self.inner.value].b.next = self.x[2 * i + 1].val();
            self.node[i + self.inner.value].sign.next = self.signs[i + self.inner.value].val();
        }
        for i in 0..self.single.value {
            self.sum.next = self.x[i].val();
        }
        for i in self.single.value..1 {
            self.sum.next = self.node[i - self.single.value].sum.val();
        }
    }
}
