//! What all columns share: the lanes' activations, made ready for the chains.

use super::shape::Shape;
use super::wait::Wait;
use crate::lang::prelude::*;

/// Sum and difference of two activations, registered.
#[derive(LogicBlock)]
pub struct Pair {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// First activation, signed.
    pub a: Wire<In>,
    /// Second activation, signed.
    pub b: Wire<In>,
    /// a + b, one cycle later.
    pub sum: Wire<Out>,
    /// a − b, one cycle later.
    pub difference: Wire<Out>,
    left: Wire<Local>,
    right: Wire<Local>,
    total: Reg,
    distance: Reg,
}

impl Pair {
    /// Activations of `width` bits.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            clock: Signal::default(),
            a: Wire::new(width),
            b: Wire::new(width),
            sum: Wire::new(width + 1),
            difference: Wire::new(width + 1),
            left: Wire::new(width + 1),
            right: Wire::new(width + 1),
            total: Reg::plain(width + 1),
            distance: Reg::plain(width + 1),
        }
    }
}

impl Logic for Pair {
    #[hdl_gen]
    fn update(&mut self) {
        self.left.next = signed_cast(self.a.val());
        self.right.next = signed_cast(self.b.val());
        self.total.d.next = self.left.val() + self.right.val();
        self.distance.d.next = self.left.val() - self.right.val();
        self.sum.next = self.total.q.val();
        self.difference.next = self.distance.q.val();
    }
}

/// The operands of all units, each in the cycle in which its adder takes it.
#[derive(LogicBlock)]
pub struct Operands {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Activations, signed.
    pub x: Vec<Wire<In>>,
    /// Operands.
    pub operand: Vec<Wire<Out>>,
    pair: Vec<Pair>,
    wait: Vec<Wait>,
    pairs: Const,
    singles: Const,
    all: Const,
}

impl Operands {
    /// The operands of an array.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let each = shape.unit_operands();
        // A pair's operands pass a register on their way.
        let registers = usize::from(shape.pairs());
        let wait = |i: usize| {
            let place = i / each % shape.chain_units();
            Wait::new(shape.operand_bits(), shape.arrival(place) - registers)
        };
        let pairs = if shape.pairs() { shape.lanes / 2 } else { 0 };
        Self {
            clock: Signal::default(),
            x: Wire::many(shape.lanes, shape.activation_bits),
            operand: Wire::many(shape.lanes, shape.operand_bits()),
            pair: (0..pairs).map(|_| Pair::new(shape.activation_bits)).collect(),
            wait: (0..shape.lanes).map(wait).collect(),
            pairs: pairs.into(),
            singles: (shape.lanes - 2 * pairs).into(),
            all: shape.lanes.into(),
        }
    }
}

impl Logic for Operands {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.pairs.value {
            self.pair[i].a.next = self.x[2 * i].val();
            self.pair[i].b.next = self.x[2 * i + 1].val();
            self.wait[2 * i].x.next = self.pair[i].sum.val();
            self.wait[2 * i + 1].x.next = self.pair[i].difference.val();
        }
        for i in 0..self.singles.value {
            self.wait[i].x.next = self.x[i].val();
        }
        for i in 0..self.all.value {
            self.operand[i].next = self.wait[i].y.val();
        }
    }
}
