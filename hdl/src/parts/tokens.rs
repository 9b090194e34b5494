//! A token counter between two engines.

use crate::lang::prelude::*;

/// Counts tokens given and not yet taken.
#[derive(LogicBlock)]
pub struct Tokens {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// No tokens.
    pub reset: Signal<In, Bit>,
    /// Tokens given in this cycle.
    pub give: Wire<In>,
    /// Tokens that the other engine waits for.
    pub want: Wire<In>,
    /// That many are here.
    pub ready: Signal<Out, Bit>,
    /// Take them in this cycle (only while `ready`).
    pub take: Signal<In, Bit>,
    held: Reg,
    given: Wire<Local>,
    taken: Wire<Local>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            give: Wire::new(4),
            want: Wire::new(4),
            ready: Signal::default(),
            take: Signal::default(),
            held: Reg::with_reset(8, 0),
            given: Wire::new(8),
            taken: Wire::new(8),
        }
    }
}

impl Logic for Tokens {
    #[hdl_gen]
    fn update(&mut self) {
        self.given.next = unsigned_cast(self.give.val());
        self.taken.next = 0.into();
        if self.take.val() {
            self.taken.next = unsigned_cast(self.want.val());
        }
        self.ready.next = self.held.q.val() >= unsigned_cast(self.want.val());
        self.held.d.next = self.held.q.val() + self.given.val() - self.taken.val();
    }
}
