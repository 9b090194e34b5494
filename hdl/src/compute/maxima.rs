//! Running maxima of the lanes, for pooling.

use cbp_isa::Config;

use crate::array::sum_latency;
use crate::lang::arith::{Concat, LessSigned, Split};
use crate::lang::prelude::*;
use crate::parts::Delay;

/// The largest activation that a lane has read, with a drain register like a column's.
#[derive(LogicBlock)]
pub struct Maximum {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Activation, signed.
    pub x: Wire<In>,
    /// It counts.
    pub valid: Signal<In, Bit>,
    /// It is the first.
    pub first: Signal<In, Bit>,
    /// The one before was the last: the maximum goes to the drain register.
    pub ended: Signal<In, Bit>,
    /// Drain register, signed.
    pub out: Wire<Out>,
    best: Reg,
    drain: Reg,
    less: LessSigned,
}

impl Default for Maximum {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            x: Wire::new(8),
            valid: Signal::default(),
            first: Signal::default(),
            ended: Signal::default(),
            out: Wire::new(8),
            best: Reg::plain(8),
            drain: Reg::plain(8),
            less: LessSigned::new(8),
        }
    }
}

impl Logic for Maximum {
    #[hdl_gen]
    fn update(&mut self) {
        self.less.a.next = self.best.q.val();
        self.less.b.next = self.x.val();
        // Both registers have one source and an enable: no multiplexer.
        if self.valid.val() && (self.first.val() || self.less.y.val()) {
            self.best.d.next = self.x.val();
        }
        if self.ended.val() {
            self.drain.d.next = self.best.q.val();
        }
        self.out.next = self.drain.q.val();
    }
}

/// All lanes' maxima; activations wait here as long as sums take, so that maxima keep the columns' time.
#[derive(LogicBlock)]
pub struct Maxima {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget the control under way; maxima are there when `valid` says so.
    pub reset: Signal<In, Bit>,
    /// Activations, when the columns get them.
    pub x: Vec<Wire<In>>,
    /// The control that the columns get, when they get it.
    pub valid: Signal<In, Bit>,
    /// First step of a position.
    pub first: Signal<In, Bit>,
    /// Last step of a position.
    pub last: Signal<In, Bit>,
    /// Drain registers.
    pub out: Vec<Wire<Out>>,
    pack: Concat,
    delay: Delay,
    ended: Dff<Bit>,
    split: Split,
    maximum: Vec<Maximum>,
    lanes: Const,
}

impl Maxima {
    /// The maxima of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let lanes = config.lanes;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            x: Wire::many(lanes, 8),
            valid: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            out: Wire::many(lanes, 8),
            pack: Concat::new(lanes, 8),
            // As the array does, maxima take a cycle more than their control: that of the drain register.
            delay: Delay::new(8 * lanes, sum_latency(config), false),
            ended: Dff::default(),
            split: Split::new(lanes, 8),
            maximum: (0..lanes).map(|_| Maximum::default()).collect(),
            lanes: lanes.into(),
        }
    }
}

impl Logic for Maxima {
    #[hdl_gen]
    fn update(&mut self) {
        self.delay.x.next = self.pack.y.val();
        self.split.x.next = self.delay.y.val();
        self.ended.d.next = self.last.val();
        for k in 0..self.lanes.value {
            self.pack.parts[k].next = self.x[k].val();
            self.maximum[k].x.next = self.split.parts[k].val();
            self.maximum[k].valid.next = self.valid.val();
            self.maximum[k].first.next = self.first.val();
            self.maximum[k].ended.next = self.ended.q.val();
            self.out[k].next = self.maximum[k].out.val();
        }
    }
}
