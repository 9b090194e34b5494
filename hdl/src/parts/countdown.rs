//! A loop counter whose end is known from a register.

use crate::lang::prelude::*;

/// Counts the rounds of a loop; behind the last one the next loop begins.
#[derive(LogicBlock)]
pub struct Countdown {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Rounds, at least 1; it holds still from `start` on.
    pub count: Wire<In>,
    /// Begin.
    pub start: Signal<In, Bit>,
    /// A round is over.
    pub step: Signal<In, Bit>,
    /// The round at hand is the last one.
    pub last: Signal<Out, Bit>,
    /// The round of the next cycle is.
    pub next_last: Signal<Out, Bit>,
    left: Reg,
    last_q: Reg,
    single: Reg,
}

impl Countdown {
    /// For counts of `width` bits.
    #[must_use]
    pub fn new(width: usize) -> Self {
        Self {
            clock: Signal::default(),
            count: Wire::new(width),
            start: Signal::default(),
            step: Signal::default(),
            last: Signal::default(),
            next_last: Signal::default(),
            left: Reg::plain(width),
            last_q: Reg::plain(1),
            single: Reg::plain(1),
        }
    }
}

impl Logic for Countdown {
    #[hdl_gen]
    fn update(&mut self) {
        self.last.next = self.last_q.q.val().any();
        self.next_last.next = self.last.val();
        if self.step.val() {
            self.left.d.next = self.left.q.val() - 1;
            self.next_last.next = self.left.q.val() == 2;
        }
        if self.step.val() && self.last.val() {
            self.left.d.next = self.count.val();
            self.next_last.next = self.single.q.val().any();
        }
        self.single.d.next = (self.count.val() == 1).into();
        if self.start.val() {
            self.left.d.next = self.count.val();
            self.next_last.next = self.count.val() == 1;
        }
        self.last_q.d.next = self.next_last.val().into();
    }
}
