//! A chain of units: each adds its lane, or its pair of lanes, to the sum of those before it.

use super::head::Head;
use super::member::Member;
use super::shape::Shape;
use super::wait::Wait;
use crate::lang::prelude::*;

/// Sum of a few lanes, up to the sign of the first one.
///
/// ```text
/// operand 0 ─▶ head ─▶ (±) ─▶ (±) ─▶ … ─▶ sum
/// operand 1 ────────────┘      │
/// operand 2 ───────────────────┘
/// ```
///
/// Operands arrive when their adder takes them (`Shape::arrival`), codes all at once; they wait here.
#[derive(LogicBlock)]
pub struct Chain {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Operands of all units.
    pub operand: Vec<Wire<In>>,
    /// Codes of the units.
    pub code: Vec<Wire<In>>,
    /// The sum.
    pub sum: Wire<Out>,
    wait: Vec<Wait>,
    head: Head,
    member: Vec<Member>,
    units: Const,
    members: Const,
    operands: Const,
}

impl Chain {
    /// A chain; `signed` for the one with lane 0.
    #[must_use]
    pub fn new(shape: &Shape, signed: bool) -> Self {
        let (units, bits) = (shape.chain_units(), shape.unit_code_bits());
        Self {
            clock: Signal::default(),
            operand: Wire::many(units * shape.unit_operands(), shape.operand_bits()),
            code: Wire::many(units, bits),
            sum: Wire::new(shape.sum_bits(units)),
            wait: (0..units).map(|u| Wait::new(bits, shape.arrival(u))).collect(),
            head: Head::new(shape, signed),
            member: (1..units).map(|u| Member::new(shape, u)).collect(),
            units: units.into(),
            members: (units - 1).into(),
            operands: shape.unit_operands().into(),
        }
    }
}

impl Logic for Chain {
    #[hdl_gen]
    fn update(&mut self) {
        for u in 0..self.units.value {
            self.wait[u].x.next = self.code[u].val();
        }
        for i in 0..self.operands.value {
            self.head.operand[i].next = self.operand[i].val();
            for u in 0..self.members.value {
                self.member[u].operand[i].next = self.operand[(u + 1) * self.operands.value + i].val();
            }
        }
        self.head.code.next = self.wait[0].y.val();
        self.member[0].sum_in.next = self.head.value.val();
        for u in 0..self.members.value {
            self.member[u].code.next = self.wait[u + 1].y.val();
        }
        for u in 1..self.members.value {
            self.member[u].sum_in.next = self.member[u - 1].sum.val();
        }
        self.sum.next = self.member[self.members.value - 1].sum.val();
    }
}
