//! Delays a bus by a number of cycles, possibly none.

use crate::lang::prelude::*;

/// `y` is `x`, some cycles ago; data only, so without a reset.
#[derive(LogicBlock)]
pub struct Wait {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Input.
    pub x: Wire<In>,
    /// Output.
    pub y: Wire<Out>,
    stage: Vec<Reg>,
    cycles: Const,
    later: Const,
    /// 1 if nothing is delayed.
    through: Const,
}

impl Wait {
    /// A delay of a bus of `width` bits by `cycles`.
    #[must_use]
    pub fn new(width: usize, cycles: usize) -> Self {
        Self {
            clock: Signal::default(),
            x: Wire::new(width),
            y: Wire::new(width),
            stage: Reg::many(cycles, width),
            cycles: cycles.into(),
            later: cycles.saturating_sub(1).into(),
            through: usize::from(cycles == 0).into(),
        }
    }
}

impl Logic for Wait {
    #[hdl_gen]
    fn update(&mut self) {
        for _t in 0..self.through.value {
            self.y.next = self.x.val();
        }
        for i in self.through.value..1 {
            self.stage[i].d.next = self.x.val();
            self.y.next = self.stage[self.cycles.value - 1].q.val();
        }
        for i in 0..self.later.value {
            self.stage[i + 1].d.next = self.stage[i].q.val();
        }
    }
}
