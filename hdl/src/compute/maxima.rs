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
    /// It is the last: the maximum goes to the drain register.
    pub last: Signal<In, Bit>,
    /// Drain register, signed.
    pub out: Wire<Out>,
    best: Reg,
    drain: Reg,
    less: LessSigned,
    now: Wire<Local>,
}

impl Default for Maximum {
    fn default() -> Self {
        Self {
            clock: Signal::default(),
            x: Wire::new(8),
            valid: Signal::default(),
            first: Signal::default(),
            last: Signal::default(),
            out: Wire::new(8),
            best: Reg::plain(8),
            drain: Reg::plain(8),
            less: LessSigned::new(8),
            now: Wire::new(8),
        }
    }
}

impl Logic for Maximum {
    #[hdl_gen]
    fn update(&mut self) {
        self.less.a.next = self.best.q.val();
        self.less.b.next = self.x.val();
        self.now.next = self.best.q.val();
        if self.first.val() || self.less.y.val() {
            self.now.next = self.x.val();
        }
        if self.valid.val() {
            self.best.d.next = self.now.val();
        }
        if self.last.val() {
            self.drain.d.next = self.now.val();
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
    control: Concat,
    control_delay: Delay,
    control_split: Split,
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
            // As the array does, maxima take a cycle more than their control.
            delay: Delay::new(8 * lanes, sum_latency(config) + 1, false),
            control: Concat::new(3, 1),
            control_delay: Delay::new(3, 1, true),
            control_split: Split::new(3, 1),
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
        self.control.parts[0].next = self.valid.val().into();
        self.control.parts[1].next = self.first.val().into();
        self.control.parts[2].next = self.last.val().into();
        self.control_delay.x.next = self.control.y.val();
        self.control_split.x.next = self.control_delay.y.val();
        for k in 0..self.lanes.value {
            self.pack.parts[k].next = self.x[k].val();
            self.maximum[k].x.next = self.split.parts[k].val();
            self.maximum[k].valid.next = self.control_split.parts[0].val().any();
            self.maximum[k].first.next = self.control_split.parts[1].val().any();
            self.maximum[k].last.next = self.control_split.parts[2].val().any();
            self.out[k].next = self.maximum[k].out.val();
        }
    }
}
