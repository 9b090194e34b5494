//! The accumulator of a column with its drain register.

use crate::lang::adder::CarryAdder;
use crate::lang::prelude::*;

/// Where the accumulator starts in this cycle: from 0, or from its value moved up by 0, 1 or 2 places.
pub const START_BITS: usize = 2;

/// Adds a column's sums up; a result moves to the drain register while the next one is summed.
///
/// ```text
/// sum ──▶ (+) ──▶ accumulator ──▶ drain ──▶ out
///          ▲           │ 0, or << 0, 1, 2
///          └───────────┘
/// ```
///
/// The choice of the start is one function of five signals per bit, so that it shares the adder's look-up table.
#[derive(LogicBlock)]
pub struct Accumulator {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Sum of the column, signed.
    pub sum: Wire<In>,
    /// What the sum lacks: 1 if the first lane was complemented.
    pub carry: Signal<In, Bit>,
    /// Start from 0 (0), or from the accumulator moved up by 0 (1), 1 (2) or 2 places (3).
    pub start: Wire<In>,
    /// The sum counts.
    pub valid: Signal<In, Bit>,
    /// The result goes to the drain register.
    pub last: Signal<In, Bit>,
    /// Drain register, signed.
    pub out: Wire<Out>,
    chosen: Wire<Local>,
    adder: CarryAdder,
    total: Reg,
    drain: Reg,
}

impl Accumulator {
    /// Sums of `sum` bits, an accumulator of `width`.
    #[must_use]
    pub fn new(sum: usize, width: usize) -> Self {
        Self {
            clock: Signal::default(),
            sum: Wire::new(sum),
            carry: Signal::default(),
            start: Wire::new(START_BITS),
            valid: Signal::default(),
            last: Signal::default(),
            out: Wire::new(width),
            chosen: Wire::new(width),
            adder: CarryAdder::new(sum, width),
            total: Reg::plain(width),
            drain: Reg::plain(width),
        }
    }
}

impl Logic for Accumulator {
    #[hdl_gen]
    fn update(&mut self) {
        self.chosen.next = 0.into();
        if self.start.val() == 1 {
            self.chosen.next = self.total.q.val();
        }
        if self.start.val() == 2 {
            self.chosen.next = self.total.q.val() << 1;
        }
        if self.start.val() == 3 {
            self.chosen.next = self.total.q.val() << 2;
        }
        self.adder.sum.next = self.sum.val();
        self.adder.start.next = self.chosen.val();
        self.adder.carry.next = self.carry.val();
        if self.valid.val() {
            self.total.d.next = self.adder.y.val();
        }
        if self.last.val() {
            self.drain.d.next = self.adder.y.val();
        }
        self.out.next = self.drain.q.val();
    }
}
