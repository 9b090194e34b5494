//! A loop counter whose end is known from a register.

use crate::lang::prelude::*;

/// Counts the rounds of a loop; behind the last one the next loop begins.
///
/// It counts up from a constant and compares, which needs no multiplexer to begin again; and it compares two rounds
/// ahead, so that nothing waits for the comparison.
#[derive(LogicBlock)]
pub struct LoopCounter {
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
    later: Reg,
    last_q: Reg,
    near_q: Reg,
    single: Reg,
    double: Reg,
}

impl LoopCounter {
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
            later: Reg::plain(width),
            last_q: Reg::plain(1),
            near_q: Reg::plain(1),
            single: Reg::plain(1),
            double: Reg::plain(1),
        }
    }
}

impl Logic for LoopCounter {
    #[hdl_gen]
    fn update(&mut self) {
        self.last.next = self.last_q.q.val().any();
        self.next_last.next = self.last.val();
        self.single.d.next = (self.count.val() == 1).into();
        self.double.d.next = (self.count.val() == 2).into();
        if self.step.val() {
            self.next_last.next = self.near_q.q.val().any();
            self.near_q.d.next = (self.later.q.val() == self.count.val()).into();
            self.later.d.next = self.later.q.val() + 1;
            if self.last.val() {
                self.next_last.next = self.single.q.val().any();
                self.near_q.d.next = self.double.q.val();
            }
        }
        if self.start.val() {
            self.next_last.next = self.count.val() == 1;
            self.near_q.d.next = (self.count.val() == 2).into();
        }
        // Of the round at hand, the number of the one after the next.
        if self.start.val() || (self.step.val() && self.last.val()) {
            self.later.d.next = 3.into();
        }
        self.last_q.d.next = self.next_last.val().into();
    }
}
