//! Delays a bus by a number of cycles.

use crate::lang::prelude::*;

/// `y` is `x`, `stages` cycles ago; after a reset it is 0 until then.
#[derive(LogicBlock)]
pub struct Delay {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Synchronous, active high.
    pub reset: Signal<In, Bit>,
    /// Input.
    pub x: Wire<In>,
    /// Output.
    pub y: Wire<Out>,
    stage: Vec<Reg>,
    last: Const,
}

impl Delay {
    /// A delay of a bus of `width` bits by `stages` cycles (at least 1).
    ///
    /// With `reset` the stages clear, for flags; without, they are plain, for data.
    #[must_use]
    pub fn new(width: usize, stages: usize, reset: bool) -> Self {
        let register = || if reset { Reg::with_reset(width, 0) } else { Reg::plain(width) };
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            x: Wire::new(width),
            y: Wire::new(width),
            stage: (0..stages).map(|_| register()).collect(),
            last: (stages - 1).into(),
        }
    }
}

impl Logic for Delay {
    #[hdl_gen]
    fn update(&mut self) {
        self.stage[0].d.next = self.x.val();
        for i in 0..self.last.value {
            self.stage[i + 1].d.next = self.stage[i].q.val();
        }
        self.y.next = self.stage[self.last.value].q.val();
    }
}
