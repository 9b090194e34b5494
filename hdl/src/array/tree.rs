//! The adder tree of a column: every level one bit wider and registered.

use crate::lang::prelude::*;

/// One registered adder.
#[derive(LogicBlock)]
pub struct Adder {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Left operand, signed.
    pub a: Wire<In>,
    /// Right operand, signed.
    pub b: Wire<In>,
    /// a + b, one bit wider, one cycle later.
    pub sum: Wire<Out>,
    left: Wire<Local>,
    right: Wire<Local>,
    total: Reg,
}

impl Adder {
    /// Operands of `width` bits.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            clock: Signal::default(),
            a: Wire::new(width),
            b: Wire::new(width),
            sum: Wire::new(width + 1),
            left: Wire::new(width + 1),
            right: Wire::new(width + 1),
            total: Reg::plain(width + 1),
        }
    }
}

impl Logic for Adder {
    #[hdl_gen]
    fn update(&mut self) {
        self.left.next = signed_cast(self.a.val());
        self.right.next = signed_cast(self.b.val());
        self.total.d.next = self.left.val() + self.right.val();
        self.sum.next = self.total.q.val();
    }
}

/// Sum of a power of two of signed inputs, log2 of their number cycles later.
///
/// The adders form a heap: adder i takes adders 2i+1 and 2i+2; the last half takes the inputs.
#[derive(LogicBlock)]
pub struct AdderTree {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Summands.
    pub x: Vec<Wire<In>>,
    /// Their sum.
    pub sum: Wire<Out>,
    adder: Vec<Adder>,
    /// Adders that take inputs.
    half: Const,
    /// Adders that take adders.
    inner: Const,
}

impl AdderTree {
    /// `count` inputs (a power of two, at least 2) of `width` bits.
    #[must_use]
    pub fn new(count: usize, width: usize) -> Self {
        let levels = count.ilog2() as usize;
        Self {
            clock: Signal::default(),
            x: Wire::many(count, width),
            sum: Wire::new(width + levels),
            adder: (0..count - 1)
                .map(|i| Adder::new(width + levels - 1 - (i + 1).ilog2() as usize))
                .collect(),
            half: (count / 2).into(),
            inner: (count / 2 - 1).into(),
        }
    }
}

impl Logic for AdderTree {
    #[hdl_gen]
    fn update(&mut self) {
        for i in 0..self.inner.value {
            self.adder[i].a.next = self.adder[2 * i + 1].sum.val();
            self.adder[i].b.next = self.adder[2 * i + 2].sum.val();
        }
        for i in 0..self.half.value {
            self.adder[i + self.inner.value].a.next = self.x[2 * i].val();
            self.adder[i + self.inner.value].b.next = self.x[2 * i + 1].val();
        }
        self.sum.next = self.adder[0].sum.val();
    }
}
