//! The data side of STORE: reads the beats of bursts on their way.

use cbp_isa::Config;

use crate::lang::arith::{Concat, Split};
use crate::lang::prelude::*;
use crate::parts::Fifo;

/// Beats between the output buffer and the bus.
const PREFETCH: usize = 8;
/// Bursts whose beats have not been read.
const BURSTS: usize = 8;

/// Takes bursts in order and offers their beats, one a cycle, read ahead of the bus.
#[derive(LogicBlock)]
pub struct StoreData {
    /// Rising edge.
    pub clock: Signal<In, Clock>,
    /// Forget everything; only when no burst is open.
    pub reset: Signal<In, Bit>,
    /// A burst is on its way.
    pub push: Signal<In, Bit>,
    /// Its first beat in the output buffer.
    pub from: Wire<In>,
    /// Its beats.
    pub beats: Wire<In>,
    /// No further burst can be taken.
    pub full: Signal<Out, Bit>,
    /// Read a beat of the output buffer.
    pub read: Signal<Out, Bit>,
    /// Which one.
    pub read_beat: Wire<Out>,
    /// The beat, one cycle later.
    pub beat: Wire<In>,
    /// A beat is offered.
    pub data_valid: Signal<Out, Bit>,
    /// The beat.
    pub data: Wire<Out>,
    /// It is the last of its burst.
    pub data_last: Signal<Out, Bit>,
    /// The write port takes it.
    pub data_ready: Signal<In, Bit>,
    /// A burst is open: its beats have not all left.
    pub open: Signal<Out, Bit>,
    run: Concat,
    runs: Fifo,
    next_run: Split,
    next_beats: Wire<Local>,
    to_read: Reg,
    position: Reg,
    free: Signal<Local, Bit>,
    read_now: Signal<Local, Bit>,
    can_read: Signal<Local, Bit>,
    fetched: Dff<Bit>,
    fetched_last: Dff<Bit>,
    lasts: Fifo,
    queue: Fifo,
    prefetch_limit: Const,
}

impl StoreData {
    /// The data side of a configuration.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let bit = Signal::default;
        Self {
            clock: Signal::default(),
            reset: Signal::default(),
            push: Signal::default(),
            from: Wire::new(16),
            beats: Wire::new(9),
            full: Signal::default(),
            read: Signal::default(),
            read_beat: Wire::new(16),
            beat: Wire::new(config.axi_bits),
            data_valid: Signal::default(),
            data: Wire::new(config.axi_bits),
            data_last: Signal::default(),
            data_ready: Signal::default(),
            open: Signal::default(),
            run: Concat::new(2, 16),
            runs: Fifo::new(32, BURSTS),
            next_run: Split::new(2, 16),
            next_beats: Wire::new(16),
            to_read: Reg::with_reset(9, 0),
            position: Reg::plain(16),
            free: bit(),
            read_now: bit(),
            can_read: bit(),
            fetched: Dff::default(),
            fetched_last: Dff::default(),
            lasts: Fifo::new(1, PREFETCH),
            queue: Fifo::new(config.axi_bits, PREFETCH),
            prefetch_limit: (PREFETCH - 2).into(),
        }
    }
}

impl Logic for StoreData {
    #[hdl_gen]
    fn update(&mut self) {
        self.run.parts[0].next = self.from.val();
        self.run.parts[1].next = unsigned_cast(self.beats.val());
        self.runs.push.next = self.push.val();
        self.runs.data.next = self.run.y.val();
        self.full.next = self.runs.full.val();
        self.next_run.x.next = self.runs.head.val();
        self.next_beats.next = self.next_run.parts[1].val();
        self.can_read.next = self.queue.count.val() < self.prefetch_limit.val();
        self.read_now.next = (self.to_read.q.val() != 0) && self.can_read.val();
        self.read.next = self.read_now.val();
        self.read_beat.next = self.position.q.val();
        if self.read_now.val() {
            self.to_read.d.next = self.to_read.q.val() - 1;
            self.position.d.next = self.position.q.val() + 1;
        }
        // The next burst follows without a gap.
        self.free.next = (self.to_read.q.val() == 0) || (self.read_now.val() && (self.to_read.q.val() == 1));
        self.runs.pop.next = self.free.val() && self.runs.valid.val();
        if self.runs.pop.val() {
            self.position.d.next = self.next_run.parts[0].val();
            self.to_read.d.next = self.next_beats.val().get_bits::<9>(0);
        }
        self.fetched.d.next = self.read_now.val();
        self.fetched_last.d.next = self.read_now.val() && (self.to_read.q.val() == 1);
        self.queue.push.next = self.fetched.q.val();
        self.queue.data.next = self.beat.val();
        self.lasts.push.next = self.fetched.q.val();
        self.lasts.data.next = self.fetched_last.q.val().into();
        self.data_valid.next = self.queue.valid.val();
        self.data.next = self.queue.head.val();
        self.data_last.next = self.lasts.head.val().any();
        self.queue.pop.next = self.queue.valid.val() && self.data_ready.val();
        self.lasts.pop.next = self.queue.valid.val() && self.data_ready.val();
        self.open.next = !self.runs.empty.val()
            || (self.to_read.q.val() != 0)
            || self.fetched.q.val()
            || !self.queue.empty.val();
    }
}
