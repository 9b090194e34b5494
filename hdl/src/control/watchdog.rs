//! Watches the AXI master: a transfer that never finishes must not hang the device in silence.

use crate::lang::prelude::*;

/// Latches `wedged` when transfers are under way and nothing has moved for `timeout` cycles (0: never).
#[derive(LogicBlock)]
pub struct Watchdog {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Clears.
    pub reset: Signal<In, Bit>,
    /// Transfers are under way.
    pub busy: Signal<In, Bit>,
    /// Something moved in this cycle.
    pub progress: Signal<In, Bit>,
    /// Cycles to wait.
    pub timeout: Wire<In>,
    /// Nothing moved for that long.
    pub wedged: Signal<Out, Bit>,
    quiet: Reg,
    latch: Dff<Bit>,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            busy: Signal::default(),
            progress: Signal::default(),
            timeout: Wire::new(32),
            wedged: Signal::default(),
            quiet: Reg::with_reset(32, 0),
            latch: Dff::default(),
        }
    }
}

impl Logic for Watchdog {
    #[hdl_gen]
    fn update(&mut self) {
        self.quiet.d.next = self.quiet.q.val() + 1;
        if self.progress.val() || !self.busy.val() {
            self.quiet.d.next = 0.into();
        }
        if (self.timeout.val() != 0) && (self.quiet.q.val() == self.timeout.val()) {
            self.latch.d.next = true;
        }
        self.wedged.next = self.latch.q.val();
    }
}
